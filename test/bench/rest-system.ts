// What the benchmark of the REST API measures: a running system with many workspaces, each with a host, an allow list
// and a block list, all under one ingress gateway. A cluster or a folder; both are called the same way.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { INGRESS_PLANS } from '../../operator/model/cluster-resources.ts';
import { API_ACCOUNT, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { type Manifest, manifest, workspaceManifest } from '../fixtures/object-fixture.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { type ApiAnswer, type ApiCall, callApi } from '../support/api/api-client.ts';
import { ClusterScene } from '../support/cluster/cluster-scene.ts';
import { freePorts } from '../support/free-ports.ts';
import { create, forEach } from './cluster-objects.ts';
import { ObjectWatch } from './object-watch.ts';
import { OperatorProcess } from './operator-process.ts';
import { RoleProcess } from './role-process.ts';
import { SallyportProcess } from './sallyport-process.ts';
import { untilNoWrites } from './server-writes.ts';
import type { Place } from './tunnel.ts';

/** The list that changes. */
export const LIST = 'doors';
/** Ranges that it always has. */
export const RANGES: readonly string[] = Array.from({ length: 20 }, (_, at) => `10.${at}.0.0/16`);

export interface RestSystem {
  readonly name: 'cluster' | 'folder';
  readonly door: Place;
  call(workspace: string, call: ApiCall): Promise<ApiAnswer>;
  /** Of the next change of a workspace's plan, by performance.now(); NaN where nobody can see it. */
  planned(workspace: string): Promise<number>;
  stop(): Promise<void>;
}

export function hostOf(workspace: string): string {
  return `${workspace}.bench.example`;
}

/** Port 9 of this machine: nobody listens there, so whom the lists admit gets 503. */
const FOLDER_BACKEND = { address: '127.0.0.1', port: 9 } as const;
/** There is no such Service: nothing is dialled, and whom the lists admit gets 503. */
const CLUSTER_BACKEND = { serviceName: 'web', port: 80 } as const;

function manifestsOf(workspace: string, backend: object): readonly Manifest[] {
  const ingress = { hosts: [hostOf(workspace)], backends: [backend] };
  const office = { label: 'office', listType: 'ALLOW', ipAddresses: ['127.0.0.0/8'] };
  const doors = { label: LIST, listType: 'BLOCK', ipAddresses: RANGES };
  return [
    workspaceManifest(workspace),
    manifest('IpAccessList', 'office', office, workspace),
    manifest('IpAccessList', LIST, doors, workspace),
    manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: true, ingress }, workspace),
  ];
}

function caller(origin: string, token: string): RestSystem['call'] {
  return (workspace, call) =>
    callApi(origin, token, { ...call, headers: { 'x-databricks-workspace-id': `id-${workspace}` } });
}

interface Stoppable {
  stop(): Promise<void>;
}

async function stopAll(parts: readonly Stoppable[]): Promise<void> {
  for (const part of parts.toReversed()) await part.stop();
}

export async function startCluster(work: string, workspaces: readonly string[]): Promise<RestSystem> {
  const scene = await ClusterScene.start();
  const started: Stoppable[] = [scene];
  try {
    const { adminKubeconfig } = scene.controlPlane;
    const api = await connectKubernetes({ kubeconfig: adminKubeconfig });
    started.push({ stop: () => api.close() });
    await forEach(workspaces, async (name) => {
      for (const one of manifestsOf(name, CLUSTER_BACKEND)) await create(api, one);
    });
    started.push(await OperatorProcess.start(await scene.operatorKubeconfig(), join(work, 'operator.log')));
    const [httpPort = 0, httpsPort = 0, apiPort = 0] = await freePorts(3);
    const common = ['--kubeconfig', adminKubeconfig, '--listen-address', '127.0.0.1'];
    const gateway = [
      ...['--state', join(work, 'door'), '--concurrency', '1'],
      ...['--ingress-http-port', String(httpPort), '--ingress-https-port', String(httpsPort)],
    ];
    started.push(await startRole('ingress', 'door-1', [...common, ...gateway], work));
    const own = ['--kubeconfig', await apiKubeconfig(scene), '--listen-address', '127.0.0.1'];
    started.push(await startRole('api', API_POD, [...own, '--port', String(apiPort)], work));
    await untilNoWrites(scene.controlPlane);
    const plans = await ObjectWatch.open(api, INGRESS_PLANS);
    started.push({ stop: async () => plans.close() });
    return {
      name: 'cluster',
      door: { host: '127.0.0.1', port: httpPort },
      call: caller(`http://127.0.0.1:${apiPort}`, await rootToken(scene, api)),
      planned: async (workspace) =>
        (await plans.next(`plan ${workspace}`, ({ metadata }) => metadata.name === workspace)).atMs,
      stop: () => stopAll(started),
    };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

function startRole(
  role: 'ingress' | 'api',
  podName: string,
  options: readonly string[],
  work: string,
): Promise<RoleProcess> {
  return RoleProcess.start({ role, podName, options, logFile: join(work, `${role}.log`) });
}

const API_POD = 'api-1';

/** As in a cluster, so that it may write its report. */
async function apiKubeconfig(scene: ClusterScene): Promise<string> {
  await scene.apply(`apiVersion: v1
kind: Pod
metadata: { name: ${API_POD}, namespace: ${SYSTEM_NAMESPACE} }
spec: { serviceAccountName: ${API_ACCOUNT}, containers: [{ name: main, image: example.com/none }] }
`);
  return scene.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, API_ACCOUNT, API_POD);
}

async function rootToken(scene: ClusterScene, api: KubernetesApi): Promise<string> {
  const metadata = { name: 'root', namespace: SYSTEM_NAMESPACE };
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/serviceaccounts`;
  await api.request({ method: 'POST', path, body: { metadata } });
  const account = `${SYSTEM_NAMESPACE}:root`;
  await scene.kubectl(
    ...['create', 'clusterrolebinding', 'bench-root', '--clusterrole', 'cluster-admin'],
    ...['--serviceaccount', account],
  );
  const token = ['create', 'token', 'root', '-n', SYSTEM_NAMESPACE, '--duration', '24h'];
  return (await scene.kubectl(...token)).trim();
}

export async function startFolder(work: string, workspaces: readonly string[]): Promise<RestSystem> {
  const outside: OutsideServers = await startOutsideServers({ names: [] });
  const started: Stoppable[] = [outside];
  try {
    const folder = join(work, 'folder');
    await mkdir(folder);
    const full = { egress: { networkAccess: { restrictionMode: 'FULL_ACCESS' } } };
    await writeManifests(join(folder, 'policy.yaml'), [manifest('NetworkPolicy', 'default-policy', full)]);
    for (const name of workspaces)
      await writeManifests(join(folder, `${name}.yaml`), manifestsOf(name, FOLDER_BACKEND));
    const [httpPort = 0, httpsPort = 0, apiPort = 0] = await freePorts(3);
    const tokens = join(work, 'tokens.yaml');
    await writeFile(tokens, `tokens: [{ name: root, token: ${FOLDER_TOKEN}, admin: true }]\n`, {
      mode: 0o600,
    });
    const furtherOptions = [
      ...['--ingress-http-port', String(httpPort), '--ingress-https-port', String(httpsPort)],
      ...['--api-port', String(apiPort), '--api-tokens', tokens, '--concurrency', '1'],
    ];
    const state = join(work, 'folder-state');
    const ports = '10000-29999';
    const sallyport = new SallyportProcess({ folder, state, outside, ports, furtherOptions });
    started.push(sallyport);
    await sallyport.start();
    const host = outside.listenAddress;
    return {
      name: 'folder',
      door: { host, port: httpPort },
      call: caller(`http://${host}:${apiPort}`, FOLDER_TOKEN),
      planned: () => Promise.resolve(Number.NaN),
      stop: () => stopAll(started),
    };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

const FOLDER_TOKEN = 'token-of-this-benchmark';

async function writeManifests(path: string, manifests: readonly Manifest[]): Promise<void> {
  await writeFile(path, manifests.map((one) => JSON.stringify(one)).join('\n---\n'));
}
