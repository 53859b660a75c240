// Two gateways on two nodes, 50 new connections a second and ten held tunnels, while gateways are deleted, drained, rolled
// and killed, with and without the operator. At most 1 of 1,000 new connections fails, and tunnels that end within the
// drain end by themselves.
import { kubectl } from '../support/nodes/commands.ts';
import { DRAIN_SECONDS } from '../support/nodes/installation.ts';
import {
  failures,
  describe as inWords,
  type LoadOptions,
  type LoadReport,
  underLoad,
} from '../support/nodes/load.ts';
import {
  GATEWAYS,
  isReady,
  OPERATORS,
  onePod,
  type Pod,
  pods,
  readyPods,
  SYSTEM,
  signalInPod,
} from '../support/nodes/pods.ts';
import { until } from '../support/until.ts';

const USUAL: LoadOptions = { seconds: 24, heldSeconds: DRAIN_SECONDS - 15 };
const rows: string[] = [];

afterAll(async () => {
  await scaleOperator(2);
  process.stderr.write(`Failover, ${USUAL.seconds} s each:\n${rows.join('\n')}\n`);
});

beforeEach(async () => {
  await scaleOperator(2);
  await settled();
});

/** Two ready gateways, on two nodes, and no former one is left. */
async function settled(): Promise<void> {
  await until(
    'there are two gateways and no former one',
    async () => {
      const all = await pods(SYSTEM, GATEWAYS);
      return all.length === 2 && all.every(isReady);
    },
    180_000,
  );
}

async function scaleOperator(replicas: number): Promise<void> {
  await kubectl(['-n', SYSTEM, 'scale', 'deploy/sallyport-operator', `--replicas=${replicas}`]);
  const count = async (): Promise<number> =>
    replicas === 0 ? (await pods(SYSTEM, OPERATORS)).length : (await readyPods(SYSTEM, OPERATORS)).length;
  await until(`the operator has ${replicas} replicas`, async () => (await count()) === replicas, 120_000);
}

async function deleteOne(...how: readonly string[]): Promise<Pod> {
  const pod = await onePod(SYSTEM, GATEWAYS);
  await kubectl(['-n', SYSTEM, 'delete', 'pod', pod.metadata.name, '--wait=false', ...how]);
  return pod;
}

async function killIn(labels: string, text: string): Promise<void> {
  expect(await signalInPod(await onePod(SYSTEM, labels), text, 'KILL')).toBe(1);
}

async function roll(): Promise<void> {
  await kubectl(['-n', SYSTEM, 'rollout', 'restart', 'deploy/sallyport-gateway']);
  await kubectl(['-n', SYSTEM, 'rollout', 'status', 'deploy/sallyport-gateway', '--timeout=180s']);
}

function noted(name: string, report: LoadReport): LoadReport {
  rows.push(`  ${name}: ${inWords(report)}`);
  return report;
}

/** At most 1 of 1,000, and every held tunnel ended by itself. */
function expectNothingLost(report: LoadReport): void {
  const total = report.ok + failures(report);
  expect(total).toBeGreaterThan(500);
  expect(failures(report)).toBeLessThanOrEqual(Math.ceil(total / 1000));
  expect({ cut: report.heldCut, ended: report.heldEnded }).toEqual({ cut: 0, ended: report.heldOpened });
}

test('nothing happens', async () => {
  expectNothingLost(noted('nothing', await underLoad(USUAL, async () => undefined)));
});

test('a gateway is deleted, and drains', async () => {
  expectNothingLost(noted('deleted', await underLoad(USUAL, () => deleteOne())));
});

test('all gateways are replaced, one after the other', async () => {
  expectNothingLost(noted('rolled', await underLoad({ ...USUAL, seconds: 40 }, roll)));
});

test('an agent is killed', async () => {
  expectNothingLost(
    noted('agent killed', await underLoad(USUAL, () => killIn(GATEWAYS, 'sallyport.mjs gateway'))),
  );
});

test('the operator is away, and a gateway is deleted', async () => {
  await scaleOperator(0);
  expectNothingLost(noted('operator away, deleted', await underLoad(USUAL, () => deleteOne())));
});

test('the operator is away, and all gateways are replaced', async () => {
  await scaleOperator(0);
  expectNothingLost(noted('operator away, rolled', await underLoad({ ...USUAL, seconds: 40 }, roll)));
});

test('an Envoy is killed: what it had is cut, and new connections fail until it is out of the Services', async () => {
  const report = noted('Envoy killed', await underLoad(USUAL, () => killIn(GATEWAYS, 'bootstrap.json')));
  expect(report.heldCut).toBeLessThan(report.heldOpened);
  expect(failures(report)).toBeLessThanOrEqual(3 * 50);
});

test('a gateway is gone at once', async () => {
  const report = noted(
    'force-deleted',
    await underLoad(USUAL, () => deleteOne('--force', '--grace-period=0')),
  );
  expect(failures(report)).toBeLessThanOrEqual(3 * 50);
});
