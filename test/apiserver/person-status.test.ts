// `kubectl sallyport status` and `explain` on a real API server, each with the rights of who asks.
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { compileSnapshot } from '../../operator/compile/plans.ts';
import { pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { PODS, POLICY_ASSIGNMENTS } from '../../operator/model/cluster-resources.ts';
import { API_VERSION } from '../../operator/model/kubernetes-object.ts';
import { moveAnnotations } from '../../operator/model/moved-pod.ts';
import { ISOLATED_BY_ANNOTATION, ISOLATED_BY_DEADLINE } from '../../operator/model/stamp.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { explainPodCommand } from '../../operator/roles/explain/pod-command.ts';
import { type StatusOptions, statusCommand } from '../../operator/roles/status/command.ts';
import { manifest, policyManifest, readSnapshot, workspaceManifest } from '../fixtures/object-fixture.ts';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  installCrds,
  installRoles,
  startControlPlane,
} from '../support/cluster/control-plane.ts';

let controlPlane: ControlPlane;
let root: KubernetesApi;
let metrics: Server;
let admin: string;
let eve: string;

const LAG = 'sallyport_collector_lag_seconds_bucket';
const PAGE = ['0.5', '1', '+Inf'].map(
  (le, at) => `${LAG}{le="${le}",direction="outbound"} ${[90, 100, 100][at]}`,
);

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installRoles(controlPlane);
  await installCrds(controlPlane);
  admin = controlPlane.adminKubeconfig;
  root = await connectKubernetes({ kubeconfig: admin });
  eve = await controlPlane.kubeconfigFor({ user: 'eve' });
  metrics = createServer((_request, response) => response.end(`${PAGE.join('\n')}\n`)).listen(0, '127.0.0.1');
  await apply('v1', 'Namespace', { metadata: { name: 'team-a' } });
  await writeCompiled();
  await writeReports();
  await writePods();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  metrics?.close();
  await root?.close();
  await controlPlane?.stop();
});

async function apply(apiVersion: string, kind: string, object: object): Promise<void> {
  const body = JSON.stringify({ apiVersion, kind, ...object });
  const { code, stderr } = await controlPlane.kubectl(['apply', '--server-side', '-f', '-'], { stdin: body });
  if (code !== 0) throw new Error(stderr);
}

/** What the operator would write: JOBS enforced, DBSQL in dry-run. */
async function writeCompiled(): Promise<void> {
  const policyEnforcement = { enforcementMode: 'DRY_RUN', dryRunModeProductFilter: ['DBSQL'] };
  const allowedInternetDestinations = [{ destination: 'allowed.example.com' }];
  const objects = [
    workspaceManifest('team-a'),
    manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'strict' }),
    policyManifest('strict', { policyEnforcement, allowedInternetDestinations }),
  ];
  const { plans, tables } = compileSnapshot(readSnapshot(...objects));
  for (const { kind, metadata, spec } of [...plans, ...tables])
    await apply(API_VERSION, kind, { metadata: { name: metadata.name, namespace: SYSTEM_NAMESPACE }, spec });
  for (const one of objects.slice(1)) await apply(one.apiVersion, one.kind, one);
  const condition = { status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const conditions = [
    { ...condition, type: 'Accepted', reason: 'Accepted', message: 'Accepted' },
    { ...condition, type: 'Programmed', status: 'Unknown', reason: 'NotUsed', message: 'Not used' },
    {
      ...condition,
      type: 'RestartRequired',
      reason: 'MoreOpenPodsRunning',
      message: 'Pod "old-0" runs in lane full',
    },
    {
      ...condition,
      type: 'Ready',
      status: 'False',
      reason: 'MoreOpenPodsRunning',
      message: 'Pod "old-0" runs in lane full',
    },
  ];
  await root.request({
    method: 'PATCH',
    path: pathOf(POLICY_ASSIGNMENTS, { name: 'team-a', subresource: 'status' }),
    contentType: 'application/merge-patch+json',
    body: { status: { conditions } },
  });
}

async function writeReports(): Promise<void> {
  const renewTime = new Date(Date.now() - 5000).toISOString();
  const spec = {
    ...{ ready: true, renewTime, envoyVersion: '1.40.0' },
    plans: [{ workspace: 'team-a', revision: 'old' }],
    tables: [{ table: 'strict', revision: 'old', rejection: 'too many routes' }],
  };
  await apply(API_VERSION, 'GatewayReport', {
    metadata: { name: 'gw-1', namespace: SYSTEM_NAMESPACE },
    spec,
  });
  await apply(API_VERSION, 'GatewayReport', {
    metadata: { name: 'api-1', namespace: SYSTEM_NAMESPACE },
    spec: { direction: 'API', ready: true, renewTime },
  });
}

async function writePods(): Promise<void> {
  type Texts = Readonly<Record<string, string>>;
  const pod = async (namespace: string, name: string, labels: Texts, annotations: Texts = {}) => {
    const containers = [{ name: 'main', image: 'none' }];
    const metadata = { name, labels, annotations };
    const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } };
    await root.request({ method: 'POST', path: pathOf(PODS, { namespace }), body });
  };
  const stamp = (product: string, lane: string) => ({
    'sallyport.dev/product': product,
    'sallyport.dev/lane': lane,
  });
  await pod('team-a', 'job', stamp('JOBS', 'enforced'));
  await pod('team-a', 'old', stamp('JOBS', 'full'));
  await pod('team-a', 'sql', stamp('DBSQL', 'dry-run'));
  await pod('team-a', 'bare', {});
  const isolated = { [ISOLATED_BY_ANNOTATION]: ISOLATED_BY_DEADLINE };
  await pod('team-a', 'isolated', stamp('JOBS', 'enforced'), isolated);
  await pod('team-a', 'isolated-sql', stamp('DBSQL', 'dry-run'), isolated);
  await pod('team-a', 'moved', stamp('JOBS', 'enforced'), moveAnnotations('full', 0));
  await pod('default', 'stranger', {});
  await pod(SYSTEM_NAMESPACE, 'collector-1', { 'app.kubernetes.io/name': 'sallyport-collector' });
  await root.request({
    ...{ method: 'PATCH', contentType: 'application/merge-patch+json' },
    path: pathOf(PODS, { namespace: SYSTEM_NAMESPACE, name: 'collector-1', subresource: 'status' }),
    body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
  });
}

const explain = (pod: string, destination: string, options: StatusOptions = {}) =>
  explainPodCommand([pod, destination], { kubeconfig: admin, namespace: 'team-a', ...options }, {});

async function valuesOf(pod: string, destination: string, ...labels: readonly string[]) {
  const { status, out } = await explain(pod, destination);
  return [status, ...labels.map((label) => new RegExp(`^${label} +(.*)$`, 'm').exec(out)?.[1])];
}

test.each<readonly [string, string, number, string, string]>([
  ['pod/job', 'allowed.example.com', 0, 'ALLOW in lane enforced', 'would change nothing'],
  ['job', 'other.example.com:8443', 1, 'DROP in lane enforced', 'would change nothing'],
  ['pods/old', 'other.example.com', 0, 'ALLOW in lane full (no gateway)', 'DROP in lane enforced'],
  ['pod/sql', 'other.example.com', 0, 'DRY_RUN_DENIAL in lane dry-run', 'would change nothing'],
  ['pod/isolated', 'allowed.example.com', 1, 'lane "enforced": DROP', 'ALLOW in lane enforced'],
  ['pod/isolated', 'other.example.com', 1, 'lane "enforced": DROP', 'DROP in lane enforced'],
  [
    'pod/isolated-sql',
    'other.example.com',
    0,
    'DRY_RUN_DENIAL in lane dry-run',
    'DRY_RUN_DENIAL in lane dry-run',
  ],
  ['pod/moved', 'allowed.example.com', 1, 'lane "enforced": DROP', 'ALLOW in lane enforced'],
  ['pod/bare', 'allowed.example.com', 1, 'lane "": DROP', 'ALLOW in lane'],
])('explain %s %s says what happens now, and after a restart', async (...row) => {
  const [pod, host, code, now, restart] = row;
  expect(await valuesOf(pod, host, 'Now', 'Restart')).toEqual([
    code,
    expect.stringContaining(now),
    expect.stringContaining(restart),
  ]);
});

test.each([
  ['pod/isolated', 'the pod was isolated at a deadline: '],
  ['pod/moved', 'the pod was moved before it started: '],
])('explain %s says why it reaches nothing', async (pod, reason) => {
  expect((await explain(pod, 'allowed.example.com')).out).toContain(`Reason       ${reason}`);
});

test.each<[string, string, StatusOptions, string]>([
  ['pod/none', 'a.example', {}, 'Cannot find pod "none" in Namespace "team-a": '],
  ['deployment/x', 'a.example', {}, 'Cannot read "deployment/x": name a pod'],
  ['pod/job', 'ftp://a', {}, 'Cannot read destination "ftp://a": '],
  [
    'pod/stranger',
    'a.example',
    { namespace: 'default' },
    'Cannot explain pods of Namespace "default": it is no workspace',
  ],
])('explain %s %s %j: what to do is said', async (pod, host, options, sentence) => {
  expect(await explain(pod, host, options)).toEqual({
    ...{ status: 2, out: '' },
    err: expect.stringContaining(sentence),
  });
});

test('explain says which right is missing, also that of another user', async () => {
  const forbidden = /^Cannot read Pod "job": pods "job" is forbidden: User "eve" cannot get resource "pods"/;
  for (const options of [{ kubeconfig: eve }, { as: 'eve' }])
    expect(await explain('pod/job', 'a.example', options)).toMatchObject({
      ...{ status: 2, err: expect.stringMatching(forbidden) },
    });
});

async function status(options: StatusOptions, width?: number) {
  let text = '';
  const code = await statusCommand(options, {
    ...{ environment: {}, width },
    write: (one) => {
      text += one;
    },
    openPort: async () => connect((metrics.address() as AddressInfo).port, '127.0.0.1'),
  });
  return { code, text };
}

test('status shows workspaces, what is to be done, gateways and the collector', async () => {
  const { code, text } = await status({ kubeconfig: admin });
  expect(code).toBe(0);
  expect(text).toMatch(/^team-a +id-team-a +strict +mixed +dry-run, sealed, enforced +False$/m);
  expect(text).toContain(
    '\nPolicyAssignment/team-a: RestartRequired=True MoreOpenPodsRunning: Pod "old-0" runs in lane full\n\n',
  );
  expect(text).toMatch(/^gw-1 +egress +yes +\d+s ago +1\.40\.0 +0 of 1 +1$/m);
  expect(text).not.toMatch(/NotUsed|api-1/);
  expect(text).toContain('gw-1 runs a former EgressTable/strict: too many routes\n');
  expect(text).toContain(
    'Collector, outbound: 99 of 100 batches stored within 1 s of their oldest denial, of 100 since it started\n',
  );
  const none = await status({ kubeconfig: admin, namespace: 'nosuch' });
  expect(none).toEqual({
    code: 1,
    text: 'Cannot find workspace "nosuch" in the cluster: known are "team-a"\n',
  });
  const elsewhere = await status({ kubeconfig: admin, systemNamespace: 'default' });
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.text).toMatch(/^Cannot find anything of Sallyport in Namespace "default": install /);
});

test.each([80, 160])('status has room in a terminal of %i columns', async (width) => {
  for (const kubeconfig of [admin, eve]) {
    const { text } = await status({ kubeconfig }, width);
    const isTooLong = (line: string): boolean => line.length > width && line.trim().includes(' ');
    expect(text.split('\n').filter(isTooLong)).toEqual([]);
  }
});

test('status shows what may be read, and says what may not', async () => {
  const { code, text } = await status({ kubeconfig: eve });
  expect(code).toBe(1);
  for (const plural of ['workspaceplans', 'policyassignments', 'networkpolicies', 'gatewayreports'])
    expect(text).toContain(`Cannot read ${plural}`);
  expect(text).not.toMatch(/No workspaces|No gateway/);
  expect(text).toContain(
    'ask an administrator for ClusterRole "sallyport-viewer" by a RoleBinding in Namespace "sallyport-system"',
  );
  expect(text).toContain('ask an administrator for ClusterRole "sallyport-viewer" by a ClusterRoleBinding');
});
