// `kubectl sallyport restarts`: what must restart before the policy of its workspace applies to it, and how.
// Exit status: 0, whether there is any or not; 1 where that cannot be said; 2 for options that cannot be accepted.
import { yamlOf } from '../../api/store/folder-document.ts';
import { wrapText } from '../../lib/fit-table.ts';
import { type PersonOptions, readPersonConfig } from '../../person-config.ts';
import { connectPerson, contextNamespace } from '../shared/person-access.ts';
import { printableField } from '../shared/person-terminal.ts';
import { documentOf, formatRestarts } from './format-restarts.ts';
import { type Restarts, readRestarts } from './read-restarts.ts';

export interface RestartsOptions extends PersonOptions {
  /** That of the context where left out. */
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly output?: 'table' | 'json' | 'yaml';
}

export interface RestartsSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly write: (text: string) => void;
  readonly complain: (text: string) => void;
  /** Columns of the terminal; undefined where there is none. */
  readonly width?: number | undefined;
}

const FAILED = 1;
const USAGE = 2;

export async function restartsCommand(
  options: RestartsOptions,
  { environment, write, complain, width }: RestartsSurroundings,
): Promise<number> {
  if (options.namespace !== undefined && options.allNamespaces === true) {
    complain('Cannot use -n with -A: name one workspace, or ask for all\n');
    return USAGE;
  }
  try {
    const { restarts, workspace } = await restartsFor(options, environment);
    if (options.output === 'json') write(`${JSON.stringify(documentOf(restarts), null, 2)}\n`);
    else if (options.output === 'yaml') write(yamlOf(documentOf(restarts)));
    else {
      for (const note of restarts.notes) complain(`${wrapText(printableField(`Note: ${note}`), width)}\n`);
      write(formatRestarts(restarts, { workspace, width, atMs: Date.now() }));
    }
    return 0;
  } catch (error) {
    complain(`${wrapText(printableField((error as Error).message), width)}\n`);
    return FAILED;
  }
}

async function restartsFor(
  options: RestartsOptions,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly restarts: Restarts; readonly workspace: string | undefined }> {
  const config = readPersonConfig(options, environment);
  const { systemNamespace } = config;
  const workspace =
    options.allNamespaces === true ? undefined : (options.namespace ?? (await contextNamespace(config)));
  const api = await connectPerson(config);
  try {
    const place = { api, workspace, systemNamespace, atMs: Date.now(), withDeadlines: true };
    return { workspace, restarts: await readRestarts(place) };
  } finally {
    await api.close();
  }
}
