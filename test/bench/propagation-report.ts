// Results of the propagation benchmark -> tables and targets. Each station's time is shown since the one before, so
// that the shares add up.
import { DRAIN_TIME_S } from '../../operator/render/envoy/bootstrap.ts';
import { type BenchReport, type BenchTable, figure, type Target } from './bench-report.ts';
import type { AtRest } from './gateway-process.ts';
import type { ImpliedChange } from './implied-change.ts';
import type { PolicyChange, PolicyChanges } from './policy-changer.ts';
import type { Writes } from './server-writes.ts';
import { median, percentile } from './statistics.ts';

const P50_WANTED_MS = 150;
const P99_WANTED_MS = 500;
const AT_SCALE_WANTED_MS = 1000;
const CLOSING_WANTED_MS = 1500;
const CUT_WANTED_MS = DRAIN_TIME_S * 1000 + 1500;
const AGENT_WANTED_MB = 250;

export interface PropagationFindings {
  readonly workspaces: number;
  readonly alone: PolicyChanges;
  readonly implied: readonly ImpliedChange[];
  /** From the last workspace written until it was served by both gateways. */
  readonly readyMs: number;
  /** Of the first gateway with all workspaces. */
  readonly atRest: Readonly<Record<'agent' | 'envoy', AtRest>> | undefined;
  readonly atScale: PolicyChanges;
  /** With an open tunnel to each name that is removed. */
  readonly revoking: PolicyChanges;
}

export function propagationReport(findings: PropagationFindings): BenchReport {
  const { workspaces, alone, implied, atScale, revoking } = findings;
  const enforced = alone.changes.map(({ enforcedMs }) => enforcedMs);
  const longestCloseMs = Math.max(...revoking.closedAfterMs);
  return {
    tables: [
      stations(`One workspace and gateway, ${alone.changes.length} changes of 2,500 destinations`, alone),
      {
        title: 'Implied destinations',
        head: ['', 'ENFORCED AFTER MS'],
        rows: implied.map(({ what, enforcedMs }) => [what, figure(enforcedMs)]),
      },
      stations(`${workspaces} workspaces on it and two gateways, ${atScale.changes.length} changes`, atScale),
      stations(`The same with tunnels to what is removed, ${revoking.changes.length} changes`, revoking),
      {
        title: 'Tunnels to what is removed',
        head: ['', 'P50 MS', 'MAX MS'],
        rows: [['answer -> tunnel ended', ...[median(revoking.closedAfterMs), longestCloseMs].map(figure)]],
      },
      {
        title: `A gateway with ${workspaces} workspaces at rest`,
        head: ['', 'CPU %', 'MB', 'HIGHEST MB'],
        rows: Object.entries(findings.atRest ?? {}).map(([who, { cpuPercent, memory }]) => [
          who,
          ...[cpuPercent, memory.nowMb, memory.peakMb].map(figure),
        ]),
      },
      writesTable('Writes for each change with one workspace', alone),
      writesTable(`Writes for each change with ${workspaces} workspaces`, atScale),
    ],
    targets: [
      atMost('p50 until enforced, ms', median(enforced), P50_WANTED_MS),
      atMost('p99 until enforced, ms', percentile(enforced, 99), P99_WANTED_MS),
      atMost(
        `last gateway with ${workspaces} workspaces, longest, ms`,
        longestOf(atScale),
        AT_SCALE_WANTED_MS,
      ),
      atMost('the same while tunnels are closed, ms', longestOf(revoking), CLOSING_WANTED_MS),
      atMost('tunnels end after a removal, longest, ms', longestCloseMs, CUT_WANTED_MS),
      atMost('CPU of an agent at rest, % of a core', findings.atRest?.agent.cpuPercent ?? Number.NaN, 1),
      atMost('memory of an agent, MB', findings.atRest?.agent.memory.nowMb ?? Number.NaN, AGENT_WANTED_MB),
    ],
    figures: { ...findings },
  };
}

function longestOf({ changes }: PolicyChanges): number {
  return Math.max(...changes.map(({ enforcedMs }) => enforcedMs));
}

const STATIONS: readonly (readonly [string, (change: PolicyChange) => number])[] = [
  ['API server answers the write', ({ answerMs }) => answerMs],
  ['answer -> EgressTable seen (operator)', ({ tableMs }) => tableMs],
  ['EgressTable -> stored (agent)', ({ tableMs, fileMs }) => fileMs - tableMs],
  ['stored -> enforced (Envoy)', ({ fileMs, enforcedMs }) => enforcedMs - fileMs],
  ['answer -> enforced', ({ enforcedMs }) => enforcedMs],
  ['answer -> reported', ({ reportedMs }) => reportedMs],
];

function stations(title: string, { changes }: PolicyChanges): BenchTable {
  const rows = STATIONS.map(([label, msOf]) => {
    const values = changes.map(msOf);
    return [label, ...[median(values), percentile(values, 99), Math.max(...values)].map(figure)];
  });
  return { title, head: ['', 'P50 MS', 'P99 MS', 'MAX MS'], rows };
}

function writesTable(title: string, { writes, changes }: PolicyChanges): BenchTable {
  return { title, head: ['', 'WRITES'], rows: writeRows(writes, changes.length) };
}

export function writeRows(writes: Writes, per = 1): readonly (readonly string[])[] {
  return Object.entries(writes).map(([name, count]) => [name, figure(count / per)]);
}

export function atMost(text: string, value: number, limit: number): Target {
  return { kind: 'wish', text: `${text}: at most ${limit}`, found: figure(value), isMet: value <= limit };
}
