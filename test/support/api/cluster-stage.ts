// The REST API over a real kube-apiserver: tokens of ServiceAccounts, rights by RBAC. The plans by which the API knows
// workspaces and their lists are compiled anew before each call, as an operator would.
import { type ApiServer, createApiServer } from '../../../operator/api/server.ts';
import { ClusterStore } from '../../../operator/api/store/cluster-store.ts';
import { WorkspaceDirectory } from '../../../operator/api/workspace-directory.ts';
import { compileIngress } from '../../../operator/compile/ingress/ingress-plans.ts';
import { type KubernetesObject, pathOf } from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes, connectWithTokens } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import {
  ApiFailure,
  type KubernetesApi,
  type TokenApis,
} from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { parseAddressRange } from '../../../operator/model/address-range.ts';
import { IP_ACCESS_LISTS, NAMESPACES, WORKSPACE_CONFS } from '../../../operator/model/cluster-resources.ts';
import type { WrittenInboundLine } from '../../../operator/model/inbound-line.ts';
import type { IngressPlan } from '../../../operator/model/ingress-plan.ts';
import { parseObject } from '../../../operator/model/parse-object.ts';
import { SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import {
  type ControlPlane,
  installCrds,
  installRolesAndPolicies,
  startControlPlane,
} from '../cluster/control-plane.ts';
import { until } from '../until.ts';
import { type ApiAnswer, type ApiCall, callApi, PROXY } from './api-client.ts';
import { type ApiStage, CONF_YAML, WORKSPACES_YAML } from './api-stage.ts';

interface ClusterStageParts {
  readonly controlPlane: ControlPlane;
  readonly root: KubernetesApi;
  readonly tokens: TokenApis;
  readonly rootToken: string;
  readonly workspaceToken: string;
}

export class ClusterStage implements ApiStage {
  readonly judged: WrittenInboundLine[] = [];
  readonly #parts: ClusterStageParts;
  readonly #servers: readonly ApiServer[];
  #plans: readonly IngressPlan[] = [];

  private constructor(parts: ClusterStageParts, replicas: number) {
    this.#parts = parts;
    this.#servers = Array.from({ length: replicas }, () => this.#createServer());
  }

  /** `replicas` of the API know nothing of each other. */
  static async start({ replicas = 1 } = {}): Promise<ClusterStage> {
    const controlPlane = await startControlPlane();
    try {
      const parts = await assemble(controlPlane);
      const stage = new ClusterStage(parts, replicas);
      // The API server opens the storage of new kinds a little after it says that they are established.
      await until('all kinds can be listed', () => stage.replan().then(TRUE, isStarting));
      for (const server of stage.#servers) await server.listen('127.0.0.1', 0);
      return stage;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  get rootToken(): string {
    return this.#parts.rootToken;
  }

  get workspaceToken(): string {
    return this.#parts.workspaceToken;
  }

  get controlPlane(): ControlPlane {
    return this.#parts.controlPlane;
  }

  get root(): KubernetesApi {
    return this.#parts.root;
  }

  get origin(): string {
    return this.originOf(0);
  }

  originOf(replica: number): string {
    return `http://127.0.0.1:${this.#servers[replica]?.port}`;
  }

  async call(call: ApiCall, token = this.rootToken): Promise<ApiAnswer> {
    await this.replan();
    return callApi(this.origin, token, call);
  }

  async replan(): Promise<void> {
    const lists = await Promise.all(
      [NAMESPACES, WORKSPACE_CONFS, IP_ACCESS_LISTS].map(async (resource) => {
        const list = await this.root.request({ method: 'GET', path: pathOf(resource) });
        const { items } = list as { readonly items: readonly KubernetesObject[] };
        return items.map((item) => ({ ...item, apiVersion: resource.apiVersion, kind: resource.kind }));
      }),
    );
    const parsed = lists.flat().map(parseObject);
    const objects = parsed.flatMap((one) => (one.status === 'parsed' ? [one.object] : []));
    const settings = { systemNamespace: SYSTEM_NAMESPACE, backendField: 'serviceName' } as const;
    this.#plans = compileIngress({ objects, unreadable: [] }, settings, this.#plans).plans;
  }

  #createServer(): ApiServer {
    const proxy = parseAddressRange(`${PROXY}/32`);
    return createApiServer({
      accountId: 'acme',
      store: new ClusterStore(this.#parts.tokens),
      directory: new WorkspaceDirectory(() => this.#plans, {
        systemNamespace: SYSTEM_NAMESPACE,
        defaultWorkspace: undefined,
      }),
      trustedProxies: 'range' in proxy ? [proxy.range] : [],
      notReady: () => undefined,
      onJudged: (line) => void this.judged.push(line),
      onFault: (error) => {
        throw error;
      },
    });
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.close();
    await this.#parts.root.close();
    await this.#parts.tokens.close();
    await this.controlPlane.stop();
  }
}

const TRUE = (): boolean => true;

function isStarting(error: unknown): boolean {
  if (error instanceof ApiFailure && [429, 503].includes(error.status)) return false;
  throw error;
}

async function assemble(controlPlane: ControlPlane): Promise<ClusterStageParts> {
  await installCrds(controlPlane);
  await installRolesAndPolicies(controlPlane);
  await kubectl(controlPlane, ['apply', '--server-side', '-f', '-'], WORKSPACES_YAML + ACCOUNTS_YAML);
  await kubectl(controlPlane, ['apply', '--server-side', '-f', '-'], CONF_YAML);
  const { adminKubeconfig: kubeconfig } = controlPlane;
  const token = (account: string): Promise<string> =>
    kubectl(controlPlane, ['create', 'token', account, '-n', SYSTEM_NAMESPACE, '--duration', '24h']);
  return {
    controlPlane,
    root: await connectKubernetes({ kubeconfig }),
    tokens: await connectWithTokens({ kubeconfig, connections: 64 }),
    rootToken: await token('root'),
    workspaceToken: await token('lead'),
  };
}

async function kubectl(controlPlane: ControlPlane, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.kubectl(args, stdin === undefined ? {} : { stdin });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

const ACCOUNTS_YAML = `---
apiVersion: v1
kind: ServiceAccount
metadata: { name: root, namespace: ${SYSTEM_NAMESPACE} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: lead, namespace: ${SYSTEM_NAMESPACE} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: test-root }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, name: root, namespace: ${SYSTEM_NAMESPACE} }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: test-lead, namespace: analytics }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sallyport-workspace-admin }
subjects: [{ kind: ServiceAccount, name: lead, namespace: ${SYSTEM_NAMESPACE} }]
`;
