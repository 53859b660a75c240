// A probe that reported nothing as lost would let every fault test pass: what is no fault is what it can show.
import { until } from '../until.ts';
import { type FaultCounts, FaultProbe, type Reached } from './fault-probe.ts';

const REACHED: Reached = { isReached: true, why: 'ok' };
const NOT_REACHED: Reached = { isReached: false, why: 'reset' };

const ALWAYS = { name: 'always.example.com', workspace: 'lab', way: 'proxy' };

/** What is counted where one connection fails after something has happened to it; every other one is answered. */
async function countedWhere(happens: (probe: FaultProbe) => void): Promise<FaultCounts> {
  let isDue = false;
  const probe: FaultProbe = new FaultProbe([ALWAYS], async () => {
    if (!isDue) return REACHED;
    isDue = false;
    happens(probe);
    return NOT_REACHED;
  });
  probe.want(() => true);
  await probe.settled();
  probe.take();
  isDue = true;
  await until('the connection has failed', () => !isDue);
  await probe.stop();
  return probe.take();
}

/** As on a machine that gives this process no time. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test.each([
  ['nothing else happens', 'lost', () => undefined],
  ['this process stands still, but not for long', 'lost', () => standStill(500)],
  ['this process stands still for longer than Envoy waits', 'probeStoodStill', () => standStill(2100)],
  ['Envoy stands still', 'stoodStill', (probe: FaultProbe) => probe.envoyStoodStill()],
  ['Envoy dies', 'withoutEnvoy', (probe: FaultProbe) => probe.envoyDies()],
] as const)('a connection that fails while %s counts as %s', async (_what, kind, happens) => {
  const { probes, ...counts } = await countedWhere(happens);
  expect(probes).toBeGreaterThan(0);
  const none = { forbidden: 0, lost: 0, withoutEnvoy: 0, stoodStill: 0, probeStoodStill: 0 };
  expect(counts).toEqual({ ...none, [kind]: 1 });
});
