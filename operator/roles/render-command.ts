// `sallyport render FOLDER --out DIR`: everything that Envoy would be given, as files to read, compare or validate
// with `envoy --mode validate`. Starts nothing.
import { join, resolve } from 'node:path';
import { readIfExists, writeFileAtomic } from '../deliver/atomic-file.ts';
import { ConfigApplier } from '../gateway/config-applier.ts';
import { EnvoyAdmin } from '../gateway/envoy-admin.ts';
import { defaultPortRange } from '../gateway/port-blocks.ts';
import { formatProblem } from '../model/problem.ts';
import { desiredOutputs } from '../pipeline.ts';
import { renderBootstrap } from '../render/envoy/bootstrap.ts';
import { FolderSource } from '../sources/folder.ts';
import { EntrancePorts } from './entrance-ports.ts';
import { endpointsOf } from './entrances.ts';

const FILES = { readIfExists, writeFileAtomic };
const DEFAULT_MAX_CONNECTIONS = 4096;

export async function renderCommand(folder: string, options: { readonly out: string }): Promise<number> {
  const directory = resolve(options.out);
  const source = new FolderSource(resolve(folder), () => undefined);
  const { snapshot, problems } = await source.read();
  source.close();
  const ports = await EntrancePorts.open({
    path: join(directory, 'ports.json'),
    address: '127.0.0.1',
    range: defaultPortRange,
    files: FILES,
  });
  const settings = {
    directory,
    resolvers: [],
    openRanges: [],
    maxConnectionsPerEntrance: DEFAULT_MAX_CONNECTIONS,
  };
  const outputs = desiredOutputs(
    snapshot,
    { settings, entrancesOf: ports.entrancesOf.bind(ports) },
    Date.now(),
  );
  const admin = new EnvoyAdmin(join(directory, 'admin.sock'));
  const applier = new ConfigApplier({ directory, admin, files: FILES });
  await applier.apply(outputs.envoy);
  await applier.close();
  admin.close();
  await writeJson(join(directory, 'bootstrap.json'), renderBootstrap(settings));
  await writeJson(join(directory, 'tables.json'), outputs.tables);
  await writeJson(join(directory, 'plans.json'), outputs.plans);
  await writeJson(join(directory, 'endpoints.json'), endpointsOf(outputs.plans, outputs.entrances));
  for (const problem of [...problems, ...outputs.problems])
    process.stderr.write(`Problem  ${formatProblem(problem)}\n`);
  process.stdout.write(
    `Wrote ${outputs.tables.length} tables and ${outputs.entrances.length} entrances to ${directory}\n`,
  );
  return 0;
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}
