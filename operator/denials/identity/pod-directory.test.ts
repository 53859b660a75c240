import fc from 'fast-check';
import { seenPod } from '../../../test/fixtures/seen-pod-fixture.ts';
import type { SeenPod } from '../../model/seen-pod.ts';
import { type Found, PodDirectory } from './pod-directory.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const ADDRESS = '10.0.0.1';
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

function find(directory: PodDirectory, atMs: number, address = ADDRESS, knownUpToMs = Infinity): Found {
  return directory.find({ address, namespace: 'analytics', atMs, knownUpToMs });
}

function nameOf(found: Found): string {
  return found.who === 'POD' ? found.pod.name : found.who;
}

describe('find()', () => {
  test('names a pod that lived one second, also when its address is used again', () => {
    const directory = new PodDirectory();
    const short = seenPod('short', { startedAtMs: 5000 });
    directory.put(short, 5800);
    directory.remove({ ...short, lastRanAtMs: 6000 }, 6900);
    directory.put(seenPod('next', { startedAtMs: 7000 }), 7500);
    const names = [4999, 5000, 6000, 6001, 6999, 7000].map((atMs) => nameOf(find(directory, atMs)));
    expect(names).toEqual(['UNKNOWN_SOURCE', 'short', 'short', 'UNKNOWN_SOURCE', 'UNKNOWN_SOURCE', 'next']);
  });

  test('names nobody while two pods may have the address', () => {
    const directory = new PodDirectory();
    const first = seenPod('first', { startedAtMs: 1000 });
    directory.put(first, 9000);
    directory.put(seenPod('second', { startedAtMs: 8000 }), 9500);
    expect(nameOf(find(directory, 7999))).toBe('first');
    expect(nameOf(find(directory, 8000))).toBe('UNKNOWN_SOURCE');
    directory.remove({ ...first, lastRanAtMs: 8500 }, 9600);
    expect([8500, 8501].map((atMs) => nameOf(find(directory, atMs)))).toEqual(['UNKNOWN_SOURCE', 'second']);
  });

  test('names the later pod although the end of the former is not noticed', () => {
    const directory = new PodDirectory();
    directory.put(seenPod('lost-node', { startedAtMs: 1000, node: 'node-9' }), 2000);
    directory.put(seenPod('second', { startedAtMs: 8000 }), 9000);
    expect([7999, 8000, 9000].map((atMs) => nameOf(find(directory, atMs)))).toEqual([
      ...['lost-node', 'UNKNOWN_SOURCE', 'second'],
    ]);
  });

  test('names a pod by each of its addresses, however they are spelled', () => {
    const directory = new PodDirectory();
    directory.put(seenPod('dual', { addresses: [ADDRESS, 'fd00:0::1'] }), 1000);
    const names = [ADDRESS, 'fd00::1', '::ffff:10.0.0.1'].map((each) => nameOf(find(directory, 2000, each)));
    expect(names).toEqual(['dual', 'dual', 'dual']);
  });

  test('ends an address that the pod lost, and begins the new one when it was last seen without', () => {
    const directory = new PodDirectory();
    directory.put(seenPod('moved', { startedAtMs: 0 }), 1000);
    directory.put(seenPod('moved', { startedAtMs: 0, addresses: ['10.0.0.2'] }), 5000);
    expect([5000, 5001].map((atMs) => nameOf(find(directory, atMs)))).toEqual(['moved', 'UNKNOWN_SOURCE']);
    const names = [999, 1000, 6000].map((atMs) => nameOf(find(directory, atMs, '10.0.0.2')));
    expect(names).toEqual(['UNKNOWN_SOURCE', 'moved', 'moved']);
  });

  test('keeps an address that is no longer named when the pod has ended', () => {
    const directory = new PodDirectory();
    const pod = seenPod('done', { startedAtMs: 0 });
    directory.put(pod, 1000);
    directory.put({ ...pod, addresses: [], hasEnded: true, lastRanAtMs: 3000 }, 3500);
    expect([3000, 3001].map((atMs) => nameOf(find(directory, atMs)))).toEqual(['done', 'UNKNOWN_SOURCE']);
  });

  test('names no pod of another Namespace than the workspace', () => {
    const directory = new PodDirectory();
    directory.put(seenPod('stranger', { namespace: 'elsewhere' }), 1000);
    expect(find(directory, 2000)).toEqual({ who: 'UNKNOWN_SOURCE' });
  });

  test('names no pod that was there when the watch was last heard, for what came later', () => {
    const directory = new PodDirectory();
    directory.put(seenPod('etl'), 1000);
    expect([2000, 2001].map((atMs) => nameOf(find(directory, atMs, ADDRESS, 2000)))).toEqual([
      ...['etl', 'UNKNOWN_SOURCE'],
    ]);
  });

  test('says the node of pods that use its network', () => {
    const directory = new PodDirectory();
    const onHost = { isOnHostNetwork: true, namespace: 'kube-system', addresses: ['192.168.0.7'] };
    directory.put(seenPod('agent', onHost), 1000);
    directory.put(seenPod('proxy', onHost), 1000);
    expect(find(directory, 2000, '192.168.0.7')).toEqual({ who: 'HOST_NETWORK', node: 'node-1' });
  });
});

describe('PodDirectory', () => {
  test('knows a pod for 15 minutes after its end', () => {
    const directory = new PodDirectory();
    const pod = seenPod('done', { startedAtMs: 0 });
    directory.put(pod, 1000);
    directory.remove(pod, 2000);
    const other = seenPod('other', { addresses: [] });
    directory.put(other, 2000 + 15 * MINUTE_MS);
    expect(nameOf(find(directory, 1500))).toBe('done');
    directory.put(other, 2001 + 15 * MINUTE_MS);
    expect(nameOf(find(directory, 1500))).toBe('UNKNOWN_SOURCE');
    expect(directory.size).toBe(1);
  });

  test('drops those first that ended first, and none that is there', () => {
    const directory = new PodDirectory({ mostEnded: 2 });
    const pods = ['a', 'b', 'c', 'd'].map((name, at) => seenPod(name, { addresses: [`10.0.0.${at}`] }));
    for (const pod of pods) directory.put(pod, 1000);
    for (const pod of pods.slice(1)) directory.remove(pod, 2000);
    const names = pods.map((_, at) => nameOf(find(directory, 1500, `10.0.0.${at}`)));
    expect(names).toEqual(['a', 'UNKNOWN_SOURCE', 'c', 'd']);
  });
});

/** What happens to one pod, in milliseconds, each after the one before. */
const LIFE = fc.record({
  /** Between the end of the address's former pod and this one's beginning to use it. */
  freeMs: fc.constantFrom(0, 1, 300, 2500, 60_000),
  /** How long its node has had it before; it may have waited for its network. */
  acceptedForMs: fc.constantFrom(0, 10, 400, 5000),
  usesMs: fc.constantFrom(1, 500, SECOND_MS, 20_000, 20 * MINUTE_MS),
  seenAfterMs: fc.integer({ min: 0, max: 3000 }),
  endSeenAfterMs: fc.integer({ min: 0, max: 3000 }),
  saysItsEnd: fc.boolean(),
  isElsewhere: fc.boolean(),
});
const LATEST_MS = 3000;

interface Life {
  readonly pod: SeenPod;
  readonly fromMs: number;
  readonly toMs: number;
  /** What its object may claim at most. */
  readonly claimsFromMs: number;
  readonly claimsToMs: number;
  readonly events: readonly { readonly atMs: number; readonly tell: (directory: PodDirectory) => void }[];
}

const wholeSecond = (ms: number): number => Math.floor(ms / SECOND_MS) * SECOND_MS;

/** One address after the other, each with pods one after the other. */
function livesOf(lives: readonly (typeof LIFE extends fc.Arbitrary<infer T> ? T : never)[], address: string) {
  let nowMs = 100_000;
  return lives.map((life, at): Life => {
    const fromMs = nowMs + life.freeMs;
    const toMs = fromMs + life.usesMs;
    nowMs = toMs + 1;
    const startedAtMs = wholeSecond(fromMs - life.acceptedForMs);
    const lastRanAtMs = life.saysItsEnd ? wholeSecond(toMs) + SECOND_MS - 1 : undefined;
    const namespace = life.isElsewhere ? 'elsewhere' : 'analytics';
    const pod = seenPod(`${address}-${at}`, { namespace, addresses: [address], startedAtMs });
    const seenAtMs = fromMs + life.seenAfterMs;
    const endSeenAtMs = Math.max(seenAtMs, toMs + life.endSeenAfterMs);
    return {
      ...{ pod, fromMs, toMs, claimsFromMs: startedAtMs },
      claimsToMs: Math.min(lastRanAtMs ?? endSeenAtMs, endSeenAtMs),
      events: [
        { atMs: seenAtMs, tell: (directory) => directory.put(pod, seenAtMs) },
        { atMs: endSeenAtMs, tell: (directory) => directory.remove({ ...pod, lastRanAtMs }, endSeenAtMs) },
      ],
    };
  });
}

test(`find() never names a wrong pod, and names the only one that claims its address (seed ${SEED})`, () => {
  const counts = { asked: 0, found: 0 };
  const compared = fc.property(fc.array(fc.array(LIFE, { maxLength: 12 }), { maxLength: 3 }), (addresses) => {
    const all = addresses.flatMap((lives, at) => livesOf(lives, `10.0.0.${at}`));
    const asks = all.flatMap((life) =>
      [life.fromMs, Math.floor((life.fromMs + life.toMs) / 2), life.toMs].map((atMs) => ({
        atMs: atMs + LATEST_MS,
        tell: (directory: PodDirectory) => {
          const [address = ''] = life.pod.addresses;
          const { namespace } = life.pod;
          const found = directory.find({ address, namespace, atMs, knownUpToMs: Infinity });
          const claims = all.filter(
            (other) =>
              other.pod.addresses.includes(address) && other.claimsFromMs <= atMs && atMs <= other.claimsToMs,
          );
          counts.asked += 1;
          if (nameOf(found) === life.pod.name) counts.found += 1;
          const right = [life.pod.name, ...(claims.length === 1 ? [] : ['UNKNOWN_SOURCE'])];
          expect(right).toContain(nameOf(found));
        },
      })),
    );
    const directory = new PodDirectory();
    const steps = [...all.flatMap(({ events }) => events), ...asks].toSorted((a, b) => a.atMs - b.atMs);
    for (const { tell } of steps) tell(directory);
  });
  fc.assert(compared, { seed: SEED, numRuns: 300 });
  expect(counts.found / counts.asked).toBeGreaterThan(0.3);
});
