// `sallyport api` with a collector, on a real API server: what its callers counted as denied is what the collector has,
// each once, though the collector was away and the program was started anew meanwhile. What a pod could not send is
// counted when it is gone.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { readApiConfig, readCollectorConfig } from '../../operator/cluster-config.ts';
import { runQuery } from '../../operator/denials/query/run-query.ts';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import {
  API_ACCOUNT,
  COLLECTOR_ACCOUNT,
  COLLECTOR_AUDIENCE,
  SYSTEM_NAMESPACE,
} from '../../operator/model/system-names.ts';
import { ApiProcess } from '../../operator/roles/api/process.ts';
import { CollectorProcess } from '../../operator/roles/collector/process.ts';
import { rowsOf } from '../fixtures/denial-fixture.ts';
import { callApi, PROXY } from '../support/api/api-client.ts';
import { ClusterScene, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS, installCollectorRoles } from '../support/cluster/control-plane.ts';
import { confYaml, listYaml } from '../support/cluster/ingress-yaml.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

const POD = 'api-1';
const SEED = 20_261_129;
const ROUND = 60;

let scene: ClusterScene;
let folder: string;
let port: number;
let api: ApiProcess;
let collector: CollectorProcess;
/** What callers were told: the truth. */
let denied = 0;
let output = '';

const loggerOf = (role: string) =>
  createLogger({
    ...{ role, level: 'info' },
    stream: new Writable({
      write: (chunk, _encoding, done) => {
        output += role === 'api' ? String(chunk) : '';
        done();
      },
    }),
  });

const common = { namespace: SYSTEM_NAMESPACE, healthPort: '0', logLevel: 'info', listenAddress: '127.0.0.1' };

async function startApi(): Promise<ApiProcess> {
  const options = {
    ...common,
    kubeconfig: await scene.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, API_ACCOUNT, POD),
    ...{ port: '0', accountId: 'acme', trustedProxy: [PROXY], podName: POD, state: join(folder, 'api') },
    ...{ collector: `https://127.0.0.1:${port}`, collectorToken: join(folder, 'token') },
  };
  return ApiProcess.start(readApiConfig(options, {}), loggerOf('api'));
}

async function startCollector(): Promise<CollectorProcess> {
  const options = {
    ...common,
    kubeconfig: await scene.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, COLLECTOR_ACCOUNT),
    ...{ port: String(port), state: join(folder, 'collector'), store: 'duckdb' },
    ...{ retention: '365d', retentionSize: '1GB' },
  };
  return CollectorProcess.start(readCollectorConfig(options, {}), loggerOf('collector'));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'api-rows-'));
  [port = 0] = await freePorts(1);
  scene = await ClusterScene.start();
  await installCollectorRoles(scene.controlPlane);
  await scene.startOperator();
  await scene.apply(`apiVersion: v1
kind: Pod
metadata: { name: ${POD}, namespace: ${SYSTEM_NAMESPACE} }
spec: { serviceAccountName: ${API_ACCOUNT}, containers: [{ name: main, image: example.com/none }] }
`);
  const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', POD, '--audience', COLLECTOR_AUDIENCE];
  const token = await scene.kubectl('create', 'token', API_ACCOUNT, '-n', SYSTEM_NAMESPACE, ...bound);
  await writeFile(join(folder, 'token'), token);
  collector = await startCollector();
  api = await startApi();
  const office = listYaml('team', 'office', { ipAddresses: ['192.0.2.0/24'] });
  const conf = confYaml('team', { enableIpAccessLists: true });
  await scene.apply([workspaceYaml('team', '7'), office, conf].join('---\n'));
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await scene.stop();
  await rm(folder, { recursive: true, force: true });
});

async function statusFor(address: string): Promise<number> {
  const headers = { 'x-forwarded-for': address, 'x-databricks-workspace-id': '7' };
  const call = { path: '/api/2.0/ip-access-lists', headers };
  const { status } = await callApi(`http://127.0.0.1:${api.port}`, 'none', call);
  denied += status === 403 ? 1 : 0;
  return status;
}

/** Of every kind, some at once. */
async function callRound(seed: number): Promise<void> {
  const callers = fc.oneof(
    fc.integer({ min: 1, max: 250 }).map((last) => `203.0.113.${last}`),
    fc.constant('203.0.113.9'),
    fc.integer({ min: 1, max: 250 }).map((last) => `192.0.2.${last}`),
  );
  const bursts = fc.sample(fc.array(callers, { minLength: 1, maxLength: 8 }), { seed, numRuns: ROUND });
  for (const burst of bursts) {
    const statuses = await Promise.all(burst.map(statusFor));
    expect(statuses).toEqual(burst.map((address) => (address.startsWith('203.') ? 403 : 401)));
  }
}

async function unsent(): Promise<unknown> {
  const path = 'jsonpath={.spec.direction} {.spec.denials.unsent}';
  return scene.kubectl('get', 'gatewayreport', POD, '-n', SYSTEM_NAMESPACE, '-o', path);
}

/** What the collector stored; it must not run. */
async function stored(): Promise<unknown> {
  const store = await DenialStore.open(join(folder, 'collector/denials.duckdb'), { readOnly: true });
  const sql = `select sum(repeats)::int as denials, sum(lost)::int as lost, count(distinct listener) filter (where lost = 0)::int as listeners,
    min(event_id like '${POD}/%') as own from access.inbound_network where policy_outcome = 'DENY'`;
  const [row] = rowsOf(await runQuery(store, sql));
  await store.close();
  return row;
}

test('whom lists deny has a row in the collector, through outages of it and a start of the program', async () => {
  await until('the lists are obeyed', async () => (await statusFor('203.0.113.1')) === 403);
  await callRound(SEED);
  await collector.stop();
  await callRound(SEED + 1);
  await api.stop();
  api = await startApi();
  await until('the lists are obeyed again', async () => (await statusFor('203.0.113.1')) === 403);
  await callRound(SEED + 2);
  collector = await startCollector();
  await callRound(SEED + 3);
  await api.stop();
  await collector.stop();
  expect(denied).toBeGreaterThan(ROUND);
  expect(await stored()).toEqual({ denials: denied, lost: 0, listeners: 1, own: true });
  expect(output).not.toContain('"inbound denial"');
}, 180_000);

test('what a pod had not sent is counted when the pod is gone, and its report is deleted', async () => {
  const before = denied;
  api = await startApi();
  await until('the lists are obeyed', async () => (await statusFor('203.0.113.1')) === 403);
  await callRound(SEED + 4);
  const waiting = denied - before;
  await until('the report says how many wait', async () => (await unsent()) === `API ${waiting}`);
  await statusFor('203.0.113.2');
  await api.stop();
  expect(await unsent()).toBe(`API ${waiting + 1}`);
  await scene.kubectl('delete', 'pod', POD, '-n', SYSTEM_NAMESPACE, '--force');
  collector = await startCollector();
  await collector.lookForGoneGateways();
  await collector.stop();
  expect(await stored()).toEqual({ denials: denied, lost: waiting + 1, listeners: 1, own: true });
  await expect(unsent()).rejects.toThrow('not found');
}, 180_000);
