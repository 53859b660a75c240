// A cluster whose gateways only deny: a real API server with pods that are denied, one collector, and gateways that ship
// to it. Nobody runs Envoy here: on two cores it would be what is measured.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { askCollector, type CollectorClient } from '../../operator/denials/asking/ask-collector.ts';
import type { JsonRow } from '../../operator/denials/query/run-query.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  COLLECTOR_ACCOUNT,
  COLLECTOR_AUDIENCE,
  collectorHost,
  GATEWAY_ACCOUNT,
  SYSTEM_NAMESPACE,
} from '../../operator/model/system-names.ts';
import {
  type ControlPlane,
  installCollectorRoles,
  installRoles,
  startControlPlane,
} from '../support/cluster/control-plane.ts';
import { BenchedCollector } from './collector-process.ts';
import type { DeniedPod } from './denial-writer.ts';
import { DenyingGateway } from './denying-gateway.ts';

export interface DenialSceneOptions {
  readonly work: string;
  readonly gateways: number;
  /** Of each gateway. */
  readonly spoolBytes: number;
}

const WORKSPACES = 20;
const PODS_OF_EACH = 5;
const HOME = `/api/v1/namespaces/${SYSTEM_NAMESPACE}`;

export class DenialScene {
  readonly collector: BenchedCollector;
  readonly gateways: readonly DenyingGateway[];
  readonly #controlPlane: ControlPlane;
  readonly #root: KubernetesApi;
  readonly #clients: CollectorClient[] = [];

  private constructor(
    controlPlane: ControlPlane,
    root: KubernetesApi,
    collector: BenchedCollector,
    gateways: readonly DenyingGateway[],
  ) {
    this.#controlPlane = controlPlane;
    this.#root = root;
    this.collector = collector;
    this.gateways = gateways;
  }

  static async start({ work, gateways, spoolBytes }: DenialSceneOptions): Promise<DenialScene> {
    const controlPlane = await startControlPlane({ withControllers: false });
    const root = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
    await installRoles(controlPlane);
    await installCollectorRoles(controlPlane);
    const folder = join(work, 'gateways');
    await mkdir(folder, { recursive: true });
    const pods = await makePods(root);
    const collector = await BenchedCollector.start({
      kubeconfig: await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, COLLECTOR_ACCOUNT),
      ...{ state: join(work, 'collector'), logFile: join(work, 'collector.log') },
    });
    const common = {
      ...{ pods, folder, spoolBytes, namespace: SYSTEM_NAMESPACE },
      kubeconfig: await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT),
      collector: `https://127.0.0.1:${collector.port}`,
    };
    const started: DenyingGateway[] = [];
    for (let number = 1; number <= gateways; number += 1) {
      const name = `gw-${number}`;
      const tokenFile = join(folder, `${name}.token`);
      await writeFile(tokenFile, await gatewayToken(root, name));
      started.push(await DenyingGateway.start({ ...common, name, tokenFile }));
    }
    return new DenialScene(controlPlane, root, collector, started);
  }

  /** Asks as the administrator, or as one who may read one workspace. Each call is a caller of its own. */
  async person(workspace?: string): Promise<(sql: string, maxRows?: number) => Promise<readonly JsonRow[]>> {
    const kubeconfig =
      workspace === undefined
        ? this.#controlPlane.adminKubeconfig
        : await this.#controlPlane.kubeconfigFor({ user: `reader-of-${workspace}` });
    if (workspace !== undefined) await this.#allow(workspace);
    const client = askCollector({
      serverName: collectorHost(SYSTEM_NAMESPACE),
      authority: await this.#authority(),
      open: async () => connect(this.collector.port, '127.0.0.1'),
      credentials: async () => clientCertificate(kubeconfig),
    });
    this.#clients.push(client);
    return async (sql, maxRows) => {
      const answer = await client.ask(sql, maxRows);
      if ('error' in answer) throw new Error(answer.error);
      if (answer.truncated) throw new Error(`More rows than ${maxRows} for ${sql}`);
      return answer.rows;
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.gateways.map((gateway) => gateway.stop()));
    await this.collector.close();
    await this.#root.close();
    await this.#controlPlane.stop();
  }

  async #allow(workspace: string): Promise<void> {
    const role = ['--clusterrole', 'sallyport-denials-viewer', '--user', `reader-of-${workspace}`];
    const { code, stderr } = await this.#controlPlane.kubectl([
      'create',
      'rolebinding',
      'reader',
      '-n',
      workspace,
      ...role,
    ]);
    if (code !== 0) throw new Error(stderr);
  }

  async #authority(): Promise<string> {
    const object = await this.#root.request({
      method: 'GET',
      path: `${HOME}/configmaps/sallyport-collector`,
    });
    return (object as { readonly data: Readonly<Record<string, string>> }).data['ca.crt'] ?? '';
  }
}

/** "ws-001", the Namespace of a workspace. */
export function workspaceName(number: number): string {
  return `ws-${String(number).padStart(3, '0')}`;
}

async function makePods(root: KubernetesApi): Promise<readonly DeniedPod[]> {
  const pods: DeniedPod[] = [];
  for (let number = 0; number < WORKSPACES; number += 1) {
    const workspace = workspaceName(number);
    await root.request({
      ...{ method: 'POST', path: '/api/v1/namespaces' },
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: workspace } },
    });
    for (let pod = 0; pod < PODS_OF_EACH; pod += 1) {
      const address = `10.1.${number}.${pod + 1}`;
      await makeRunningPod(root, workspace, { name: `pod-${pod}`, address });
      pods.push({ workspace, address });
    }
  }
  return pods;
}

async function makeRunningPod(
  root: KubernetesApi,
  namespace: string,
  { name, address }: { readonly name: string; readonly address: string },
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await root.request({ method: 'POST', path, body: podBody(name) });
  const status = { phase: 'Running', podIP: address, podIPs: [{ ip: address }] };
  await root.request({
    ...{ method: 'PATCH', path: `${path}/${name}/status`, contentType: 'application/merge-patch+json' },
    body: { status: { ...status, startTime: new Date().toISOString() } },
  });
}

function podBody(name: string, serviceAccountName?: string): object {
  const spec = { containers: [{ name: 'main', image: 'none' }], automountServiceAccountToken: false };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
    spec: { ...spec, ...(serviceAccountName === undefined ? {} : { serviceAccountName }) },
  };
}

/** As the kubelet would get it. */
async function gatewayToken(root: KubernetesApi, name: string): Promise<string> {
  await root.request({ method: 'POST', path: `${HOME}/pods`, body: podBody(name, GATEWAY_ACCOUNT) });
  const answer = await root.request({
    ...{ method: 'POST', path: `${HOME}/serviceaccounts/${GATEWAY_ACCOUNT}/token` },
    body: {
      ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
      spec: {
        ...{ audiences: [COLLECTOR_AUDIENCE], expirationSeconds: 86_400 },
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name },
      },
    },
  });
  return (answer as { readonly status: { readonly token: string } }).status.token;
}

async function clientCertificate(path: string): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const { users } = load(await readFile(path, 'utf8')) as {
    readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
  };
  const decode = (key: string): Buffer => Buffer.from(users[0]?.user[key] ?? '', 'base64');
  return { cert: decode('client-certificate-data'), key: decode('client-key-data') };
}
