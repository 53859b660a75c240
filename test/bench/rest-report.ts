// Results of the benchmark of the REST API -> tables and targets.
import { type BenchReport, type BenchTable, figure, type Target } from './bench-report.ts';
import type { ListChange } from './list-changer.ts';
import { atMost } from './propagation-report.ts';
import { type CrowdFindings, keepsLimit } from './rest-crowd.ts';
import type { RestSystem } from './rest-system.ts';
import { median, percentile } from './statistics.ts';

const P50_WANTED_MS = 150;
const P99_WANTED_MS = 1000;

export interface RestFindings {
  readonly name: RestSystem['name'];
  readonly workspaces: number;
  readonly changes: readonly ListChange[];
  /** 200 clients in one workspace, and in many. */
  readonly one: CrowdFindings;
  readonly many: CrowdFindings;
}

export function restReport(all: readonly RestFindings[]): BenchReport {
  return {
    tables: all.flatMap((findings) => [stations(findings), crowds(findings)]),
    targets: all.flatMap(targetsOf),
    figures: Object.fromEntries(all.map((findings) => [findings.name, findings])),
  };
}

const STATIONS: readonly (readonly [string, (change: ListChange) => number])[] = [
  ['REST call -> answer', ({ answerMs }) => answerMs],
  ['answer -> IngressPlan seen (operator)', ({ planMs }) => planMs],
  ['IngressPlan -> enforced (gateway, Envoy)', ({ planMs, enforcedMs }) => enforcedMs - planMs],
  ['answer -> enforced', ({ enforcedMs }) => enforcedMs],
];

function stations({ name, workspaces, changes }: RestFindings): BenchTable {
  const rows = STATIONS.map(([label, msOf]) => {
    const values = changes.map(msOf).filter(Number.isFinite);
    return [label, ...[median(values), percentile(values, 99), Math.max(...values)].map(figure)];
  });
  return {
    title: `In a ${name}: ${changes.length} changed lists with ${workspaces} workspaces`,
    head: ['', 'P50 MS', 'P99 MS', 'MAX MS'],
    rows,
  };
}

function crowds({ name, one, many }: RestFindings): BenchTable {
  const row = (label: string, found: CrowdFindings): readonly string[] => [
    label,
    ...[found.answers, found.answersPerSecond, found.serverErrors, found.mostValues].map(figure),
    figure(found.lost.length),
    Object.entries(found.byStatus)
      .map(([what, count]) => `${count} ${what}`)
      .join(', '),
  ];
  return {
    title: `In a ${name}: 200 clients at once`,
    head: ['', 'ANSWERS', 'PER SECOND', '5XX', 'MOST VALUES', 'LOST', 'BY STATUS'],
    rows: [row('one workspace', one), row('many workspaces', many)],
  };
}

function targetsOf({ name, changes, one, many }: RestFindings): readonly Target[] {
  const enforced = changes.map(({ enforcedMs }) => enforcedMs);
  const both = [one, many];
  const promise = (text: string, found: number, isMet: boolean): Target => ({
    kind: 'promise',
    text: `${name}: ${text}`,
    found: figure(found),
    isMet,
  });
  const errors = both.reduce((sum, { serverErrors }) => sum + serverErrors, 0);
  const lost = both.reduce((sum, found) => sum + found.lost.length, 0);
  const most = Math.max(...both.map(({ mostValues }) => mostValues));
  return [
    atMost(`${name}: p50 from the answer until enforced, ms`, median(enforced), P50_WANTED_MS),
    atMost(`${name}: p99 from the answer until enforced, ms`, percentile(enforced, 99), P99_WANTED_MS),
    promise('no 5xx for 200 clients', errors, errors === 0),
    promise('never more than 1,000 values in a workspace', most, both.every(keepsLimit)),
    promise('no answered write is lost', lost, lost === 0),
  ];
}
