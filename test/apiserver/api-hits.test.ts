// What lists decide about callers of `sallyport api`, on a real API server: each denied call is in a row, however many
// there are at once, and every call counts in the status of the list that decided, beside those of an ingress gateway.
import { Writable } from 'node:stream';
import { readApiConfig } from '../../operator/cluster-config.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import { packBits } from '../../operator/model/list-hits-report.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { ApiProcess } from '../../operator/roles/api/process.ts';
import { callApi, PROXY } from '../support/api/api-client.ts';
import { ClusterScene, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { confYaml, listYaml } from '../support/cluster/ingress-yaml.ts';
import { until } from '../support/until.ts';

const POD = 'api-1';
const LIST = ['ipal', 'office', '-n', 'team'] as const;
const INSIDE = '192.0.2.7';
const OUTSIDE = 300;

let scene: ClusterScene;
let api: ApiProcess;
let output = '';

beforeAll(async () => {
  scene = await ClusterScene.start();
  await scene.startOperator();
  await scene.apply(`apiVersion: v1
kind: Pod
metadata: { name: ${POD}, namespace: ${SYSTEM_NAMESPACE} }
spec: { serviceAccountName: sallyport-api, containers: [{ name: main, image: example.com/none }] }
`);
  api = await startApi();
  const office = listYaml('team', 'office', { ipAddresses: ['198.51.100.1', '192.0.2.0/24'] });
  const trial = listYaml('team', 'trial', { listType: 'BLOCK', mode: 'DRY_RUN', ipAddresses: [INSIDE] });
  const conf = confYaml('team', { enableIpAccessLists: true });
  await scene.apply([workspaceYaml('team', '7'), office, trial, conf].join('---\n'));
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await api.stop();
  await scene.stop();
});

async function startApi(): Promise<ApiProcess> {
  const options = {
    kubeconfig: await scene.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, 'sallyport-api', POD),
    namespace: SYSTEM_NAMESPACE,
    healthPort: '0',
    logLevel: 'info',
    port: '0',
    listenAddress: '127.0.0.1',
    accountId: 'acme',
    state: '.sallyport',
    trustedProxy: [PROXY],
    podName: POD,
  };
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      output += String(chunk);
      done();
    },
  });
  return ApiProcess.start(readApiConfig(options, {}), createLogger({ role: 'api', level: 'info', stream }));
}

/** Lists decide before anybody looks at a token. */
async function statusFor(address: string): Promise<number> {
  const headers = { 'x-forwarded-for': address, 'x-databricks-workspace-id': '7' };
  const call = { path: '/api/2.0/ip-access-lists', headers };
  return (await callApi(`http://127.0.0.1:${api.port}`, 'none', call)).status;
}

function rows(outcome: string): readonly Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.includes('"inbound denial"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((row) => row['policy_outcome'] === outcome);
}

function countOf(outcome: string): number {
  return rows(outcome).reduce((sum, { repeats }) => sum + Number(repeats), 0);
}

async function metric(): Promise<number> {
  const { body } = await callApi(`http://127.0.0.1:${api.healthPort}`, undefined, { path: '/metrics' });
  const series = /^sallyport_inbound_denials_total\{workspace="team",reason="NOT_IN_ALLOW_LIST".*\} (\d+)$/m;
  return Number(series.exec(String(body))?.[1]);
}

/** How many calls were sent until a row counted several: on a busy machine each may come so late that it has its own. */
async function floodFromOutside(): Promise<number> {
  let sent = 0;
  await until('a row counts several calls', async () => {
    const flood = Array.from({ length: OUTSIDE }, (_, at) => statusFor(`203.0.113.${at % 250}`));
    expect(new Set(await Promise.all(flood))).toEqual(new Set([403]));
    sent += OUTSIDE;
    return rows('DENY').some(({ repeats }) => Number(repeats) > 1);
  });
  return sent;
}

test('callers of the API count as those of an ingress gateway do, and a flood of denied ones is counted', async () => {
  await until('the lists are obeyed', async () => (await statusFor('203.0.113.1')) === 403);
  const before = countOf('DENY');
  for (let at = 0; at < 3; at += 1) expect(await statusFor(INSIDE)).toBe(401);
  const sent = await floodFromOutside();
  await until('every denied call is in a row', async () => countOf('DENY') >= before + sent);
  // The first may not have had its row yet.
  const denied = countOf('DENY');
  expect(denied - sent).toBeLessThanOrEqual(before + 1);
  expect(await metric()).toBe(denied);
  expect(rows('DENY')[0]).toMatchObject({ listener: 'api', workspace: 'team', status: 403, list_id: null });
  await until('dry-run has its rows', async () => countOf('DENY_DRY_RUN') === 3);
  const wanted = { workspace: 'team', total: 3, lastHitTime: expect.any(String) };
  let report: unknown;
  await until(
    'the pod has reported its hits',
    async () => {
      const text = await scene.field('{.spec.listHits}', 'callerreport', POD, '-n', SYSTEM_NAMESPACE);
      report = text === '' ? [] : JSON.parse(text);
      return text.includes('"total":3');
    },
    60_000,
  );
  expect(report).toEqual(
    expect.arrayContaining([
      { ...wanted, listId: 'office', hitEntries: packBits([false, true]) },
      { ...wanted, listId: 'trial', hitEntries: packBits([true]) },
    ]),
  );
  await until(
    'the status has them',
    async () => {
      // With the next pass, in a minute at most.
      await scene.kubectl('annotate', ...LIST, '--overwrite', `test/at=${Date.now()}`);
      const path = '{.status.hits.total} {.status.hits.entriesNeverHit}';
      return (await scene.field(path, ...LIST)) === '3 1';
    },
    60_000,
  );
}, 150_000);
