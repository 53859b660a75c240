// From dry-run to enforcement in a cluster: operator, gateway with a real Envoy, collector, and `kubectl sallyport suggest`.
// What was asked in dry-run passes when the policy is enforced as suggested, and everything else is denied.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import type { CollectorProcess } from '../../operator/roles/collector/process.ts';
import { denialsCommand } from '../../operator/roles/denials/command.ts';
import { clusterSuggestCommand } from '../../operator/roles/suggest/cluster-command.ts';
import { assignmentYaml, ClusterScene, policyYaml, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import {
  makeCollectorPod,
  makeGatewayPod,
  portOf,
  startCollector,
} from '../support/cluster/collector-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS, installCollectorRoles } from '../support/cluster/control-plane.ts';
import type { Agent } from '../support/cluster/gateway-scene.ts';
import { until } from '../support/until.ts';

const BUCKET = 'acme-data.s3.us-west-2.amazonaws.com';
const ASKED = ['used.example.com', 'first.example.com', 'second.example.com', BUCKET];
const SEEN = ['first.example.com', 'second.example.com', 's3://acme-data'];
const NOT_ASKED = [
  'unused.example.com',
  'other.example.com',
  'sub.first.example.com',
  'acme-data.s3.eu-west-1.amazonaws.com',
];
const DRY_RUN = 'policyEnforcement: { enforcementMode: DRY_RUN }';

let scene: ClusterScene;
let collector: CollectorProcess;
let folder: string;
let gateway: Agent;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'suggest-enforced-'));
  scene = await ClusterScene.start([...ASKED, ...NOT_ASKED]);
  await scene.startOperator();
  await installCollectorRoles(scene.controlPlane);
  collector = await startCollector(scene.controlPlane, folder);
  await makeCollectorPod(scene.gateways.api);
  await writeFile(join(folder, 'token'), await makeGatewayPod(scene.gateways.api, 'gw-1'));
  const url = `https://127.0.0.1:${collector.port}`;
  gateway = await scene.gateways.startAgent('gw-1', {
    collector: { collector: url, collectorToken: join(folder, 'token') },
  });
  await scene.apply(
    `${policyYaml('trial', ['used.example.com', 'unused.example.com'], DRY_RUN)}---\n${workspaceYaml('team-a', '1')}---\n${assignmentYaml('team-a', 'trial')}`,
  );
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await scene?.stop();
  await collector?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function portOfLane(lane: string): Promise<number> {
  const template = `{.spec.lanes[?(@.lane=="${lane}")].firstPort}`;
  const port = (): Promise<string> => scene.field(template, 'swp', 'team-a', '-n', SYSTEM_NAMESPACE);
  await until(`team-a has lane ${lane}`, async () => (await port()) !== '');
  return Number(await port());
}

async function suggest(since: string, options: object = {}) {
  let out = '';
  let err = '';
  const status = await clusterSuggestCommand(
    {
      ...{ since, output: 'table', namespace: 'team-a', ...options },
      kubeconfig: scene.controlPlane.adminKubeconfig,
    },
    {
      ...{ environment: {}, confirm: undefined, openPort: portOf(() => collector) },
      write: (text) => void (out += text),
      complain: (text) => void (err += text),
    },
  );
  return { status, out, err };
}

async function denials(sql: string): Promise<string> {
  let out = '';
  const status = await denialsCommand(
    { kubeconfig: scene.controlPlane.adminKubeconfig, sql, output: 'csv' },
    {
      ...{ environment: {}, isPlugin: true, openPort: portOf(() => collector) },
      terminal: {
        out: async (text) => void (out += text),
        bytes: () => Promise.reject(new Error('no file is asked for')),
        ...{ err: () => undefined, colour: false },
      },
    },
  );
  expect(status).toBe(0);
  return out;
}

test('what was asked in dry-run passes when it is enforced as suggested, and nothing else', async () => {
  const { address } = gateway;
  const dryPort = await portOfLane('dry-run');
  await scene.gateways.untilAsking(address, dryPort, 'used.example.com', 'ok');
  const beganMs = Date.now();
  // Rounded down: a span that begins before the entries are counted judges none of them.
  const since = (): string => `${Math.floor((Date.now() - beganMs) / 1000)}s`;
  // A span ends when the question arrives, and a slow one no longer holds its beginning: so there is time before the first
  // connections, and they are made twice.
  await delay(2000);
  for (const parts of [SEEN, [...SEEN, 'never used since it is counted']]) {
    for (const name of ASKED)
      expect([name, await scene.gateways.asking(address, dryPort, name)]).toEqual([name, 'ok']);
    await until(
      `it suggests by ${parts.join(', ')}`,
      async () => {
        const { out } = await suggest(since());
        return parts.every((part) => out.includes(part));
      },
      150_000,
    );
  }
  const applied = await suggest(since(), { apply: true, yes: true });
  expect(applied).toMatchObject({ status: 0, err: '' });
  expect(applied.out).toContain('-        - destination: unused.example.com\n');
  expect(applied.out).not.toContain('-        - destination: used.example.com\n');
  await scene.kubectl(
    ...['patch', 'snp', 'trial', '--type', 'merge', '-p'],
    JSON.stringify({
      spec: { egress: { networkAccess: { policyEnforcement: { enforcementMode: 'ENFORCED' } } } },
    }),
  );
  const port = await portOfLane('enforced');
  await scene.gateways.untilAsking(address, port, 'first.example.com', 'ok');
  const outcomes: string[] = [];
  for (const name of [...ASKED, ...NOT_ASKED])
    outcomes.push(`${name} ${(await scene.gateways.asking(address, port, name)).split(' ')[0]}`);
  expect(outcomes).toEqual([
    ...ASKED.map((name) => `${name} ok`),
    ...NOT_ASKED.map((name) => `${name} refused`),
  ]);
}, 400_000);

test('the collector has what the gateway counted, up to its end', async () => {
  await gateway.stop();
  const out = await denials(
    'select entry, connections > 0 as used, state from system.access.entry_uses order by all',
  );
  expect(out.trimEnd().split('\n').slice(1)).toEqual([
    ...['first.example.com', 's3://acme-data', 'second.example.com', 'used.example.com'].map(
      (entry) => `${entry},true,ENDED`,
    ),
  ]);
});
