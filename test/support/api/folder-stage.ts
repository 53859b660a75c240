// The REST API over a folder, as `sallyport run` has it but without Envoy: real HTTP, real files, tokens of a file.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunConfig } from '../../../operator/config.ts';
import type { WrittenInboundLine } from '../../../operator/model/inbound-line.ts';
import { type FolderApi, startFolderApi } from '../../../operator/roles/run/folder-api.ts';
import { FolderPlans } from '../../../operator/roles/run/folder-plans.ts';
import { SILENT_VIEW } from '../../../operator/roles/run/view.ts';
import { FolderSource } from '../../../operator/sources/folder.ts';
import { freePorts } from '../free-ports.ts';
import { type ApiAnswer, type ApiCall, callApi, PROXY } from './api-client.ts';
import { type ApiStage, CONF_YAML, WORKSPACES_YAML } from './api-stage.ts';

export interface FolderStageOptions {
  /** Beside the workspaces. */
  readonly files?: Readonly<Record<string, string>>;
  /** More of the token file, below "tokens:". */
  readonly tokens?: string;
  /** Of calls that name none. */
  readonly workspace?: string;
}

const FILES = { 'workspaces.yaml': WORKSPACES_YAML, 'conf.yaml': CONF_YAML };
const ROOT_TOKEN = 'root-token-of-this-test';
const WORKSPACE_TOKEN = 'workspace-token-of-this-test';
const TOKENS = `tokens:
  - { name: root, token: ${ROOT_TOKEN}, admin: true }
  - { name: lead, token: ${WORKSPACE_TOKEN}, workspaces: [analytics] }
`;

export class FolderStage implements ApiStage {
  readonly directory: string;
  readonly rootToken = ROOT_TOKEN;
  readonly workspaceToken = WORKSPACE_TOKEN;
  readonly judged: readonly WrittenInboundLine[];
  readonly #api: FolderApi;
  readonly #reread: () => Promise<void>;

  private constructor(
    directory: string,
    judged: readonly WrittenInboundLine[],
    api: FolderApi,
    reread: () => Promise<void>,
  ) {
    this.directory = directory;
    this.judged = judged;
    this.#api = api;
    this.#reread = reread;
  }

  static async start({ files = {}, tokens = '', workspace }: FolderStageOptions = {}): Promise<FolderStage> {
    const directory = await mkdtemp(join(tmpdir(), 'sallyport-api-'));
    const folder = join(directory, 'folder');
    await mkdir(folder);
    for (const [name, text] of Object.entries({ ...FILES, ...files }))
      await writeFile(join(folder, name), text);
    await writeFile(join(directory, 'tokens.yaml'), `${TOKENS}${tokens}`, { mode: 0o600 });
    const [port = 0] = await freePorts(1);
    const source = new FolderSource(folder);
    const plans = await FolderPlans.open(join(directory, 'ingress-plans.json'));
    const reread = async (): Promise<void> => void plans.compile((await source.read()).snapshot, Date.now());
    await reread();
    const judged: WrittenInboundLine[] = [];
    const failures: string[] = [];
    const api = await startFolderApi(configOf(directory, port, workspace), {
      view: { ...SILENT_VIEW, failure: (text) => void failures.push(text) },
      plans: () => plans.current,
      onChange: () => undefined,
      onJudged: (line) => void judged.push(line),
      onAdministered: (who) => void plans.administrators.note(who, Date.now()),
    });
    if (api === undefined) throw new Error(`The API did not start: ${failures.join()}`);
    return new FolderStage(directory, judged, api, reread);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#api.port}`;
  }

  get folder(): string {
    return join(this.directory, 'folder');
  }

  /** With the lists of this moment in force. */
  async call(call: ApiCall, token = ROOT_TOKEN): Promise<ApiAnswer> {
    await this.#reread();
    return callApi(this.origin, token, call);
  }

  read(name: string): Promise<string> {
    return readFile(join(this.folder, name), 'utf8');
  }

  async stop(): Promise<void> {
    await this.#api.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function configOf(directory: string, port: number, workspace: string | undefined) {
  const options = {
    state: join(directory, 'state'),
    listenAddress: '127.0.0.1',
    ports: '10000-31999',
    resolver: [],
    openRange: [],
    denyRange: [],
    maxConnections: '100',
    accountId: 'acme',
    apiPort: String(port),
    apiTokens: join(directory, 'tokens.yaml'),
    apiTrustedProxy: [`${PROXY}/32`],
    ...(workspace === undefined ? {} : { apiWorkspace: workspace }),
  };
  return readRunConfig(join(directory, 'folder'), options, {});
}
