// The REST API of `sallyport run`: over the folder, with tokens of a file, and for whom the lists in force admit.
import type { Administered } from '../../api/administrators.ts';
import { createApiServer } from '../../api/server.ts';
import { FolderStore } from '../../api/store/folder-store.ts';
import { TokenFile } from '../../api/store/token-file.ts';
import { WorkspaceDirectory } from '../../api/workspace-directory.ts';
import type { FolderApiConfig, RunConfig } from '../../config.ts';
import type { WrittenInboundLine } from '../../model/inbound-line.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { SYSTEM_NAMESPACE } from '../../model/system-names.ts';
import type { RunView } from './view.ts';

export interface FolderApiOptions {
  readonly view: RunView;
  /** Those in force; undefined before the first reading of the folder. */
  readonly plans: () => readonly IngressPlan[] | undefined;
  /** Called after each change of the folder. */
  readonly onChange: () => void;
  readonly onJudged: (line: WrittenInboundLine) => void;
  /** Called after each successful call that changes something. */
  readonly onAdministered: (who: Administered) => void;
}

export interface FolderApi {
  readonly port: number;
  close(): Promise<void>;
}

/** Undefined where there shall be none, or the usual port is taken. Throws where a chosen one is. */
export async function startFolderApi(
  config: RunConfig,
  options: FolderApiOptions,
): Promise<FolderApi | undefined> {
  const { api } = config;
  if (api === undefined) return undefined;
  const tokens = new TokenFile(api.tokens, options.view.failure);
  const isNew = await tokens.ensure();
  const server = serverFor(config, api, { ...options, tokens });
  try {
    await server.listen(config.listenAddress, api.port);
  } catch (cause) {
    const message = `Cannot serve the REST API on ${config.listenAddress}:${api.port}: ${(cause as Error).message}; choose another port with --api-port`;
    if (api.isChosen) throw new Error(message, { cause });
    options.view.failure(message);
    return undefined;
  }
  options.view.progress(`REST API on http://${hostOf(config.listenAddress)}:${server.port}`);
  if (isNew) options.view.progress(`Its first token is in ${api.tokens}`);
  return server;
}

function serverFor(
  config: RunConfig,
  { defaultWorkspace, trustedProxies }: FolderApiConfig,
  {
    view,
    plans,
    onChange,
    onJudged,
    onAdministered,
    tokens,
  }: FolderApiOptions & { readonly tokens: TokenFile },
) {
  const directory = new WorkspaceDirectory(() => plans() ?? NO_PLANS, {
    systemNamespace: SYSTEM_NAMESPACE,
    defaultWorkspace,
  });
  return createApiServer({
    accountId: config.accountId,
    store: new FolderStore({
      folder: config.folder,
      tokens,
      workspaceIdOf: (namespace) => directory.idOf(namespace),
      onChange,
    }),
    directory,
    trustedProxies,
    notReady: () => (plans() === undefined ? 'Cannot answer yet: the folder is being read' : undefined),
    onJudged,
    onAdministered,
    onFault: (error) =>
      view.failure(`A call of the REST API failed: ${String((error as Error).stack ?? error)}`),
  });
}

const NO_PLANS: readonly IngressPlan[] = [];

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
