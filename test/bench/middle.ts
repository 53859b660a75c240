// Time of the middle for the largest snapshot: the first time, at once and in steps, after one changed policy and
// after nothing; and of the plan of what must restart, where every pod must. Without steps it blocks the event loop.
import { compileAhead, compileSnapshot } from '../../operator/compile/plans.ts';
import type { ObservedObject } from '../../operator/model/snapshot.ts';
import { type BenchReport, type BenchSettings, figure, type Target } from './bench-report.ts';
import { policy, type SnapshotSize, snapshotObjects } from './snapshot-objects.ts';
import { planRestarts, staleCluster } from './stale-pods.ts';
import { median, percentile } from './statistics.ts';

const FULL: SnapshotSize = { workspaces: 1000, policies: 20, destinations: 2500, metastores: 10 };
const QUICK: SnapshotSize = { workspaces: 100, policies: 2, destinations: 2500, metastores: 10 };
const ROUNDS = 40;
const COLD_WANTED_MS = 150;
const WARM_WANTED_MS = 60;
const PODS_OF_EACH = 10;
const RESTARTS_WANTED_MS = 300;

// An async function, as every benchmark is, though nothing in it waits.
export async function benchMiddle({ isQuick, say }: BenchSettings): Promise<BenchReport> {
  const size = isQuick ? QUICK : FULL;
  say('Parsing the snapshot');
  const [parseMs, objects] = timed(() => snapshotObjects(size));
  say('Compiling it');
  const [coldMs, outside] = timed(() => compileSnapshot({ objects, unreadable: [] }));
  // The same once more, from objects that nothing is remembered of.
  const stepsMs = steps(snapshotObjects(size));
  const unchangedMs = rounds(() => objects);
  const changedMs = rounds((round) => {
    const changed = policy(0, size.destinations - 1 - (round % 2));
    return objects.map((object) => (object.metadata.name === changed.metadata.name ? changed : object));
  });
  const stale = staleCluster(size.workspaces, PODS_OF_EACH);
  const restartsMs = Array.from({ length: ROUNDS }, () => timed(() => planRestarts(stale))[0]);
  const tables = outside.tables.length;
  return report({ size, tables, parseMs, coldMs, stepsMs, unchangedMs, changedMs, restartsMs });
}

function steps(objects: readonly ObservedObject[]): readonly number[] {
  const snapshot = { objects, unreadable: [] };
  const ahead = compileAhead(snapshot);
  const stepsMs: number[] = [];
  for (let isDone = false; !isDone; ) {
    const [stepMs, step] = timed(() => ahead.next());
    stepsMs.push(stepMs);
    isDone = step.done === true;
  }
  return [...stepsMs, timed(() => compileSnapshot(snapshot))[0]];
}

function rounds(objectsOf: (round: number) => readonly ObservedObject[]): readonly number[] {
  return Array.from({ length: ROUNDS }, (_, round) => {
    const snapshot = { objects: objectsOf(round), unreadable: [] };
    return timed(() => compileSnapshot(snapshot))[0];
  });
}

function timed<Value>(run: () => Value): readonly [number, Value] {
  const startMs = performance.now();
  const value = run();
  return [performance.now() - startMs, value];
}

interface Findings {
  readonly size: SnapshotSize;
  readonly tables: number;
  /** Of building and parsing all objects, not a part of the middle. */
  readonly parseMs: number;
  readonly coldMs: number;
  /** Cold, too, each step for itself; the last is what is left for compileSnapshot(). */
  readonly stepsMs: readonly number[];
  readonly unchangedMs: readonly number[];
  readonly changedMs: readonly number[];
  /** Of the restart plan. */
  readonly restartsMs: readonly number[];
}

function report(findings: Findings): BenchReport {
  const { size, tables, coldMs, stepsMs, unchangedMs, changedMs, restartsMs } = findings;
  const pods = size.workspaces * PODS_OF_EACH;
  const row = (label: string, values: readonly number[]): readonly string[] => [
    label,
    ...[median(values), percentile(values, 99), Math.max(...values), median(values) / coldMs].map(figure),
  ];
  return {
    tables: [
      {
        title: `compileSnapshot(): ${size.workspaces} workspaces, ${size.policies} policies of ${size.destinations} destinations, ${size.metastores} metastores, ${tables} tables`,
        head: ['', 'P50 MS', 'P99 MS', 'MAX MS', 'OF COLD'],
        rows: [
          row('cold', [coldMs]),
          row(`one of ${stepsMs.length} steps, cold`, stepsMs),
          row('one policy changed', changedMs),
          row('nothing changed', unchangedMs),
          row(`restart plan, ${pods} stale pods`, restartsMs),
        ],
      },
    ],
    targets: [
      atMost('longest step of a cold start, ms', Math.max(...stepsMs), COLD_WANTED_MS),
      atMost('p50 after one changed policy, ms', median(changedMs), WARM_WANTED_MS),
      atMost(`p50 of the restart plan of ${pods} stale pods, ms`, median(restartsMs), RESTARTS_WANTED_MS),
    ],
    figures: { ...findings },
  };
}

function atMost(text: string, value: number, limit: number): Target {
  return { kind: 'wish', text: `${text}: at most ${limit}`, found: figure(value), isMet: value <= limit };
}
