import fc from 'fast-check';
import { FRESH_INTERVALS, type IsolationMeasurements } from '../../../model/isolation.ts';
import { ANY_NODE, type CanaryAnswer, dueNodes, type Measured, remember } from './due-nodes.ts';

const SEED = 20270131;
const RUNS = 300;
const INTERVAL_MS = 300_000;
const RETRY_MS = 30_000;
const STEP_MS = 1000;
const END_MS = 8 * INTERVAL_MS;
/** Of one measurement, as it is where all is well. */
const MEASURE_MS = 15_000;

type Outcome = 'enforced' | 'open' | 'failed';

interface World {
  /** Outcome of each node from the beginning, and after the change. */
  readonly nodes: readonly { readonly before: Outcome; readonly after: Outcome }[];
  /** Which of them have isolated pods, in each quarter of the time. */
  readonly used: readonly (readonly boolean[])[];
  readonly changeAtMs: number;
}

const outcome = fc.constantFrom<Outcome>('enforced', 'enforced', 'open', 'failed');
const world: fc.Arbitrary<World> = fc.integer({ min: 1, max: 40 }).chain((count) =>
  fc.record({
    nodes: fc.array(fc.record({ before: outcome, after: outcome }), { minLength: count, maxLength: count }),
    used: fc.array(fc.array(fc.boolean(), { minLength: count, maxLength: count }), {
      minLength: 4,
      maxLength: 4,
    }),
    changeAtMs: fc.integer({ min: 0, max: END_MS - 2 * INTERVAL_MS - 2 * MEASURE_MS }),
  }),
);

interface Trace {
  /** Begin of each measurement, by wanted node. */
  readonly begun: ReadonlyMap<string, readonly number[]>;
  readonly known: IsolationMeasurements;
  readonly usedAtEnd: readonly string[];
  readonly mostAtOnce: number;
}

/** As isolation-probe.ts: one batch after the other. */
function simulate({ nodes, used, changeAtMs }: World): Trace {
  const begun = new Map<string, number[]>();
  let known: IsolationMeasurements = { intervalMs: INTERVAL_MS, nodes: [] };
  let mostAtOnce = 0;
  const usedAt = (atMs: number): readonly string[] =>
    nodes.flatMap((_, at) => (used[Math.floor((4 * atMs) / END_MS)]?.[at] === true ? [`node-${at}`] : []));
  for (let nowMs = 0; nowMs < END_MS; nowMs += STEP_MS) {
    const { due, kept } = dueNodes(usedAt(nowMs), known, nowMs);
    if (due.length === 0) continue;
    mostAtOnce = Math.max(mostAtOnce, due.length);
    for (const name of due) begun.set(name, [...(begun.get(name) ?? []), nowMs]);
    nowMs += MEASURE_MS;
    const measured = due.map((wanted): Measured => {
      const node = wanted === ANY_NODE ? 'node-0' : wanted;
      const { before, after } = nodes[Number(node.slice('node-'.length))] as World['nodes'][number];
      return { wanted, answer: answerOf(node, nowMs < changeAtMs ? before : after, nowMs) };
    });
    const nodesNow = remember(kept, measured, { atMs: nowMs, used: usedAt(Math.min(nowMs, END_MS - 1)) });
    known = { intervalMs: INTERVAL_MS, nodes: nodesNow };
  }
  return { begun, known, usedAtEnd: usedAt(END_MS - 1), mostAtOnce };
}

function answerOf(node: string, found: Outcome, atMs: number): CanaryAnswer {
  if (found === 'failed') return { node, failure: 'it failed' };
  return {
    node,
    openForMs: 0,
    finding: { atMs, ...(found === 'open' ? { reached: 'the API server' } : {}) },
  };
}

function outcomeOf(name: string, { nodes }: World): Outcome | undefined {
  return nodes[name === ANY_NODE ? 0 : Number(name.slice('node-'.length))]?.after;
}

function knownOf(name: string, { nodes }: IsolationMeasurements): Outcome | undefined {
  const found = nodes.find((one) => one.wanted === name);
  if (found?.failure !== undefined) return 'failed';
  return found?.finding && (found.finding.reached === undefined ? 'enforced' : 'open');
}

it('every node that is used is measured again within an interval, and what changes there is known by then', () => {
  fc.assert(
    fc.property(world, (made) => {
      const { begun, known, usedAtEnd, mostAtOnce } = simulate(made);
      const wanted = usedAtEnd.length === 0 ? [ANY_NODE] : usedAtEnd;
      // It waits for those before it, but all have their turn within an interval.
      const slackMs = INTERVAL_MS + 2 * MEASURE_MS;
      for (const name of wanted) {
        const times = begun.get(name) ?? [];
        expect(times.at(-1) ?? Number.NEGATIVE_INFINITY).toBeGreaterThanOrEqual(
          END_MS - INTERVAL_MS - slackMs,
        );
        expect(knownOf(name, known)).toBe(outcomeOf(name, made));
      }
      if (made.nodes.length <= INTERVAL_MS / 20_000) expect(mostAtOnce).toBe(1);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

it('a node that does not enforce, or of which nothing is known, is measured sooner; none more often than that', () => {
  fc.assert(
    fc.property(world, ({ used, ...made }) => {
      const alike = made.nodes.map(({ before }) => ({ before, after: before }));
      const always = used.map(() => alike.map(() => true));
      const { begun } = simulate({ ...made, nodes: alike, used: always });
      for (const [at, { before }] of alike.entries()) {
        const times = begun.get(`node-${at}`) ?? [];
        const gaps = times.slice(1).map((timeMs, index) => timeMs - (times[index] ?? 0));
        const leastMs = before === 'enforced' ? INTERVAL_MS : RETRY_MS;
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(leastMs);
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

it('nothing is remembered for longer than it counts, and of a node once', () => {
  fc.assert(
    fc.property(world, (made) => {
      const { known, usedAtEnd } = simulate(made);
      const names = known.nodes.map(({ node }) => node).filter((name) => name !== '');
      expect(new Set(names).size).toBe(names.length);
      const { kept } = dueNodes(usedAtEnd, known, END_MS + (FRESH_INTERVALS + 1) * INTERVAL_MS);
      const wanted = usedAtEnd.length === 0 ? [ANY_NODE] : usedAtEnd;
      expect(kept.filter((one) => !wanted.includes(one.wanted))).toEqual([]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

it('a pod that decides nothing does not replace what the last one found, and a gone node is forgotten', () => {
  const open = { wanted: 'a', node: 'a', triedAtMs: 0, finding: { atMs: 0, reached: 'the API server' } };
  const failed = [{ wanted: 'a', answer: { node: '', failure: 'no node fits' } }];
  expect(remember([open], failed, { atMs: 9, used: ['a'] })).toEqual([
    { ...open, triedAtMs: 9, failure: 'no node fits' },
  ]);
  expect(dueNodes([], { intervalMs: INTERVAL_MS, nodes: [open] }, RETRY_MS).due).toEqual([ANY_NODE]);
  expect(dueNodes(['b'], { intervalMs: INTERVAL_MS, nodes: [open] }, RETRY_MS).due).toEqual(['b']);
  expect(remember([open], failed, { atMs: 9, used: [] })).toEqual([]);
});
