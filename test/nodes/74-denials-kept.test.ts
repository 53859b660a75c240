// 50 denials a second on nodes while the collector, its node and the gateways go away. The client's own list is the truth:
// each denial is stored once, or rows with the reason DENIALS_NOT_KEPT count it; more is never said than was asked.
import { rowsOf } from '../support/nodes/asked-denials.ts';
import { apply, kubectl, kubectlJson, onNode, restartNode } from '../support/nodes/commands.ts';
import { install, removeAgain, resolversInUse } from '../support/nodes/installation.ts';
import { routeToPods } from '../support/nodes/outside-routes.ts';
import { GATEWAYS, onePod, type Pod, pods, runInPod, SYSTEM } from '../support/nodes/pods.ts';
import { WORKLOAD_IMAGE, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const ID = Math.floor(Date.now() / 1000);
const KEPT = `kept-${ID.toString(36)}`;
const COLLECTOR = 'app.kubernetes.io/name=sallyport-collector';
const RATE = 50;
const VOLUME_FOLDER = '/var/local/sallyport-denials';
const AT_ONCE = ['--force', '--grace-period=0'];
const SETTLED_MS = 8_000;
/** The collector counts for a gateway half a minute after that is gone, and looks once a minute. */
const LIMIT_MS = 150_000;
/** Where neither its last report nor its last rows are taken, as docs/operations.md says. */
const UNCOUNTED_SECONDS = 3;

const lines: string[] = [];

interface ClientList {
  readonly asked: number;
  readonly unanswered: readonly number[];
}

let resolvers: Readonly<Record<string, readonly string[]>> = {};
let [firstNode, lastNode] = ['', ''];

beforeAll(async () => {
  const { items } = await kubectlJson<{ items: readonly { metadata: { name: string } }[] }>(['get', 'node']);
  [firstNode = '', lastNode = ''] = [items[0]?.metadata.name, items.at(-1)?.metadata.name];
  resolvers = { 'gateway.resolvers': await resolversInUse() };
  await apply(`apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: { name: ${KEPT} }
spec: { egress: { networkAccess: { restrictionMode: RESTRICTED_ACCESS } } }
---
${workspace(KEPT, ID, KEPT)}`);
  await kubectl(['wait', '--for=condition=Ready', `spa/${KEPT}`, '--timeout=60s']);
  // Not on the node that restarts.
  await apply(`apiVersion: apps/v1
kind: Deployment
metadata: { name: client, namespace: ${KEPT} }
spec:
  selector: { matchLabels: { app: client } }
  template:
    metadata: { labels: { app: client } }
    spec:
      nodeSelector: { kubernetes.io/hostname: ${firstNode} }
      terminationGracePeriodSeconds: 1
      containers:
        - { name: client, image: ${WORKLOAD_IMAGE}, command: [node, --eval, 'setInterval(() => undefined, 60000)'] }
`);
  await kubectl(['-n', KEPT, 'rollout', 'status', 'deploy/client', '--timeout=60s']);
}, 150_000);

afterAll(async () => {
  process.stderr.write(`Denials at ${RATE} a second:\n${lines.join('\n')}\n`);
  await removeAgain([KEPT], [KEPT]);
});

interface Sums {
  readonly stored: number;
  readonly lost: number;
}

/** Of the whole log, since what a collector has lost is counted for all workspaces together. */
async function lostSoFar(): Promise<number> {
  const [row] = await rowsOf<Sums>(
    'select coalesce(sum(lost), 0)::int as lost from system.access.outbound_network',
  );
  return row?.lost ?? 0;
}

/** What the log says of some gateways, of all workspaces. */
async function denialsOf(gateways: readonly string[]): Promise<Sums> {
  const names = gateways.map((name) => `'${name}'`).join(', ');
  const [row] = await rowsOf<Sums>(
    `select coalesce(sum(repeats) filter (lost = 0), 0)::int as stored, coalesce(sum(lost), 0)::int as lost from system.access.outbound_network where split_part(event_id, '/', 1) in (${names})`,
  );
  return row ?? { stored: 0, lost: 0 };
}

/** How often each of the names is in the log. */
async function storedOf(suffix: string): Promise<ReadonlyMap<number, number>> {
  const rows = await rowsOf<{ name: string; denials: number }>(
    `select destination as name, sum(repeats)::int as denials from system.access.outbound_network where workspace = '${KEPT}' and destination like '%.${suffix}' group by destination`,
  );
  return new Map(rows.map(({ name, denials }) => [Number(/^n(\d+)\./.exec(name)?.[1]), denials]));
}

/** What comes of so many seconds of denials during which something happens. */
async function during(
  name: string,
  seconds: number,
  event: () => Promise<unknown>,
  mostUncounted = 0,
): Promise<void> {
  const suffix = `${name.replaceAll(/[^a-z]+/g, '-')}.never.example`;
  const lostBefore = await lostSoFar();
  const running = runInPod(KEPT, 'deny', [`${RATE}`, `${seconds}`, suffix]);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const [text] = await Promise.all([running, event()]);
  const { asked, unanswered } = JSON.parse(text) as ClientList;
  const open = new Set(unanswered);
  const denied = Array.from({ length: asked }, (_, at) => at + 1).filter((number) => !open.has(number));
  let stored: ReadonlyMap<number, number> = new Map();
  let lost = 0;
  const missing = (): number => denied.filter((number) => !stored.has(number)).length;
  await until(
    `the ${denied.length} denials of "${name}" are stored or counted (${missing()} missing)`,
    async () => {
      [stored, lost] = [await storedOf(suffix), (await lostSoFar()) - lostBefore];
      return missing() <= lost + mostUncounted;
    },
    LIMIT_MS,
  ).catch((error: unknown) => lines.push(`  ${name}: ${(error as Error).message}`));
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
  [stored, lost] = [await storedOf(suffix), (await lostSoFar()) - lostBefore];
  const uncertain = unanswered.filter((number) => !stored.has(number)).length;
  lines.push(
    `  ${name}: asked ${asked}, answered with 403 ${denied.length}; stored ${stored.size}, counted as lost ${lost}, missing ${missing()}; of ${unanswered.length} unanswered ${unanswered.length - uncertain} stored`,
  );
  expect(asked).toBeGreaterThan((seconds * RATE) / 2);
  expect([...stored].filter(([number, times]) => times !== 1 || number > asked)).toEqual([]);
  expect(lost + mostUncounted).toBeGreaterThanOrEqual(missing());
  expect(lost).toBeLessThanOrEqual(missing() + uncertain);
}

async function deletePod(labels: string, ...how: readonly string[]): Promise<void> {
  const { metadata } = await onePod(SYSTEM, labels);
  await kubectl(['-n', SYSTEM, 'delete', 'pod', metadata.name, '--wait=false', ...how]);
}

const rollout = (name: string): Promise<string> =>
  kubectl(['-n', SYSTEM, 'rollout', 'status', `deploy/sallyport-${name}`, '--timeout=180s']);

const collectorPods = (): Promise<readonly Pod[]> => pods(SYSTEM, COLLECTOR);

/** On a volume of the last node, as a cluster with volumes has it. */
async function installOnVolume(): Promise<void> {
  await onNode(lastNode, `mkdir -p ${VOLUME_FOLDER}`);
  await apply(`apiVersion: v1
kind: PersistentVolume
metadata: { name: sallyport-denials }
spec:
  capacity: { storage: 20Gi }
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: standard
  local: { path: ${VOLUME_FOLDER} }
  nodeAffinity:
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: kubernetes.io/hostname, operator: In, values: [${lastNode}] }] }] }
`);
  await install({ ...resolvers, 'collector.storage.persistent': true });
}

test('nothing happens', () => during('nothing happens', 10, async () => undefined));

/** A gateway counts what was in the former log with its next denial. */
async function noticeFormerLog(): Promise<void> {
  await runInPod(KEPT, 'deny', [`${RATE}`, '3', `noticed-${Date.now()}.never.example`]);
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
}

describe('without a volume', () => {
  beforeAll(async () => {
    await install({ ...resolvers, 'collector.storage.persistent': false });
    await noticeFormerLog();
  }, 300_000);

  test('what is gone with the collector is counted by the gateways', async () => {
    const gateways = (await pods(SYSTEM, GATEWAYS)).map(({ metadata }) => metadata.name);
    const before = await denialsOf(gateways);
    const running = runInPod(KEPT, 'deny', [`${RATE}`, '15', 'gone-with-it.never.example']);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await deletePod(COLLECTOR, ...AT_ONCE);
    const { asked, unanswered } = JSON.parse(await running) as ClientList;
    expect(unanswered).toEqual([]);
    await rollout('collector');
    let { stored, lost } = before;
    const sum = (): number => stored + lost - before.stored - before.lost;
    await until(
      'the sum is that of the client',
      async () => {
        ({ stored, lost } = await denialsOf(gateways));
        return sum() >= asked;
      },
      LIMIT_MS,
    ).catch((error: unknown) => lines.push(`  without a volume: ${(error as Error).message}`));
    lines.push(
      `  collector deleted without a volume: ${before.stored} before, asked ${asked}; stored ${stored}, counted as lost ${lost - before.lost}`,
    );
    expect(sum()).toBe(asked);
    expect(lost).toBeGreaterThan(before.lost);
  });
});

describe('on a volume', () => {
  beforeAll(async () => {
    await installOnVolume();
    await noticeFormerLog();
  }, 300_000);

  test('the collector is deleted, twice', () =>
    during('collector deleted', 40, async () => {
      await deletePod(COLLECTOR, ...AT_ONCE);
      await rollout('collector');
      await deletePod(COLLECTOR);
      await rollout('collector');
    }));

  test('the gateways are rolled while the collector is away', () =>
    during('gateways rolled', 45, async () => {
      await kubectl(['-n', SYSTEM, 'scale', 'deploy/sallyport-collector', '--replicas=0']);
      await until('the collector is away', async () => (await collectorPods()).length === 0, 60_000);
      await kubectl(['-n', SYSTEM, 'rollout', 'restart', 'deploy/sallyport-gateway']);
      await new Promise((resolve) => setTimeout(resolve, 5000));
      await kubectl(['-n', SYSTEM, 'scale', 'deploy/sallyport-collector', '--replicas=1']);
      await rollout('gateway');
      await rollout('collector');
    }));

  test('a gateway is gone at once', () =>
    during('gateway gone', 20, () => deletePod(GATEWAYS, ...AT_ONCE), UNCOUNTED_SECONDS * RATE));

  // And with it a gateway, as docs/operations.md says of a node that is killed.
  test('the node of the collector restarts', () => {
    const restarts = async (): Promise<void> => {
      await restartNode(lastNode);
      await until(
        'pods are reached again',
        () =>
          routeToPods().then(
            () => true,
            () => false,
          ),
        120_000,
      );
      await rollout('collector');
      await rollout('gateway');
    };
    return during('node restarted', 60, restarts, UNCOUNTED_SECONDS * RATE);
  });
});
