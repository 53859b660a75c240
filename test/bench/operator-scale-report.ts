// Results of the benchmark of the operator at scale -> tables and targets.
import { type BenchReport, figure, type Target } from './bench-report.ts';
import type { OperatorRest, OperatorStart } from './operator-work.ts';
import type { Memory } from './process-usage.ts';
import { atMost, writeRows } from './propagation-report.ts';
import { total, type Writes } from './server-writes.ts';
import { median } from './statistics.ts';

const SYNCED_WANTED_MS = 10_000;
const MEMORY_WANTED_MB = 300;
const CORE_WANTED = 0.02;
const BLOCK_WANTED_MS = 200;
const STAMPED_WANTED_MS = 2000;
const TOLD_WANTED_MS = 2000;

export interface OperatorScale {
  readonly workspaces: number;
  readonly firstStart: OperatorStart;
  readonly restart: OperatorStart;
  readonly rest: OperatorRest;
  readonly change: OperatorRest;
  /** The mode of one policy changes. */
  readonly restarts: {
    readonly pods: number;
    /** Of each of its workspaces. */
    readonly seenMs: readonly number[];
    readonly work: OperatorRest;
    /** While all of these pods go on. */
    readonly rest: OperatorRest;
  };
  readonly stampedMs: readonly number[];
  readonly memory: Memory;
}

export function operatorScaleReport(findings: OperatorScale): BenchReport {
  const { workspaces, firstStart, restart, rest, change, restarts, stampedMs, memory } = findings;
  const start = (label: string, { syncedMs, settledMs, longestBlockMs, writes }: OperatorStart) => [
    label,
    ...[syncedMs, settledMs, longestBlockMs, total(writes)].map(figure),
  ];
  return {
    tables: [
      {
        title: `The operator with ${workspaces} workspaces`,
        head: ['', 'SYNCED MS', 'THEN SETTLED MS', 'LONGEST BLOCK MS', 'WRITES'],
        rows: [start('first start', firstStart), start('restart', restart)],
      },
      {
        title: 'Meanwhile',
        head: ['', 'SHARE OF A CORE', 'LONGEST BLOCK MS', 'WRITES'],
        rows: [
          during('at rest', rest),
          during('one policy changed, 10 s', change),
          during('one policy into dry-run, 10 s', restarts.work),
          during(`at rest, ${restarts.pods} pods to restart`, restarts.rest),
        ],
      },
      {
        title: `One policy into dry-run until its ${restarts.seenMs.length} workspaces say what must restart`,
        head: ['P50 MS', 'MAX MS'],
        rows: [[median(restarts.seenMs), Math.max(...restarts.seenMs)].map(figure)],
      },
      {
        title: 'A Namespace labelled until it is stamped',
        head: ['P50 MS', 'MAX MS'],
        rows: [[median(stampedMs), Math.max(...stampedMs)].map(figure)],
      },
      { title: 'Memory', head: ['MB', 'HIGHEST MB'], rows: [[memory.nowMb, memory.peakMb].map(figure)] },
      written('Written by the first start', firstStart.writes),
      written('Written at rest and by the restart', { ...restart.writes, ...rest.writes }),
      written('Written for one changed policy, with the change itself', change.writes),
    ],
    targets: targets(findings),
    figures: { ...findings },
  };
}

function targets(findings: OperatorScale): readonly Target[] {
  const { firstStart, restart, rest, change, restarts, stampedMs, memory } = findings;
  const blocks = [firstStart, restart, rest, change, restarts.work].map(
    ({ longestBlockMs }) => longestBlockMs,
  );
  return [
    atMost('synced after a start, ms', Math.max(firstStart.syncedMs, restart.syncedMs), SYNCED_WANTED_MS),
    nothing('writes of a restart', restart.writes),
    nothing('writes at rest', rest.writes),
    nothing('writes at rest while pods must restart', restarts.rest.writes),
    atMost('a mode changed until all workspaces say it, ms', Math.max(...restarts.seenMs), TOLD_WANTED_MS),
    atMost('share of a core at rest', rest.coreShare, CORE_WANTED),
    atMost('highest memory, MB', memory.peakMb, MEMORY_WANTED_MB),
    atMost('longest block of the event loop, ms', Math.max(...blocks), BLOCK_WANTED_MS),
    atMost('a Namespace labelled until stamped, longest, ms', Math.max(...stampedMs), STAMPED_WANTED_MS),
  ];
}

function nothing(text: string, writes: Writes): Target {
  return { kind: 'promise', text: `${text}: none`, found: figure(total(writes)), isMet: total(writes) === 0 };
}

function during(label: string, { coreShare, longestBlockMs, writes }: OperatorRest): readonly string[] {
  return [label, ...[coreShare, longestBlockMs, total(writes)].map(figure)];
}

function written(title: string, writes: Writes) {
  return { title, head: ['', 'WRITES'], rows: writeRows(writes) };
}
