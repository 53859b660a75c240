// What people wait for in a collector with many rows: as one who may read all, and as one who may read one workspace.
// Beside them the same SQL on the same file by DuckDB alone, without anybody else's rights. Between two queries is a pause, as
// between those of people.
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { rewriteQuery } from '../../operator/denials/query/rewrite-query.ts';
import { selectDenials, selectTop } from '../../operator/denials/query/select-denials.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import {
  type BenchReport,
  type BenchSettings,
  type BenchTable,
  figure,
  type Target,
} from './bench-report.ts';
import { DenialScene, workspaceName } from './denial-scene.ts';
import { type FilledLog, fillLog } from './filled-log.ts';
import { median, percentile } from './statistics.ts';

interface BenchedQuery {
  readonly name: string;
  readonly sql: string;
  /** Of all rows of the log; nobody who may read one workspace asks it here. */
  readonly isOfAll: boolean;
  readonly wantedMs: number;
}

interface Timing {
  readonly query: string;
  readonly caller: 'all' | 'one workspace' | 'DuckDB alone';
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly wantedMs: number;
  readonly rows: number;
}

const ROWS = 10_000_000;
const TIMES = 20;
const PAUSE_MS = 500;
const DAY_MS = 86_400_000;
const MOST_MB = 400;
const WORKSPACE = workspaceName(5);
const PAGE_MS = 50;
const TOP_MS = 20;
const TOP_OF_ALL_MS = 3000;

const QUERIES: readonly BenchedQuery[] = [
  {
    name: 'newest 100 of a workspace and 24 h, all columns',
    sql: `SELECT * FROM system.access.outbound_network WHERE workspace_id = 'id-${WORKSPACE}'
      AND event_time >= current_timestamp() - INTERVAL 24 HOURS SORT BY event_time DESC LIMIT 100`,
    ...{ isOfAll: false, wantedMs: PAGE_MS },
  },
  {
    name: 'what "kubectl sallyport denials -n" asks, of 7 days',
    sql: selectDenials({ workspace: WORKSPACE, sinceMs: 7 * DAY_MS }),
    ...{ isOfAll: false, wantedMs: PAGE_MS },
  },
  {
    name: 'top 20 of a workspace, 24 h',
    sql: `SELECT destination, sum(repeats)::BIGINT AS n FROM system.access.outbound_network
      WHERE workspace_id = 'id-${WORKSPACE}' AND event_time >= now() - INTERVAL 24 HOURS
      GROUP BY destination ORDER BY n DESC LIMIT 20`,
    ...{ isOfAll: false, wantedMs: TOP_MS },
  },
  {
    name: 'what "denials -n --top 20" asks, of 24 h',
    sql: selectTop({ workspace: WORKSPACE, sinceMs: DAY_MS }, 20),
    ...{ isOfAll: false, wantedMs: PAGE_MS },
  },
  {
    name: 'top 20 of all rows',
    sql: `SELECT destination, sum(repeats)::BIGINT AS n FROM system.access.outbound_network
      GROUP BY destination ORDER BY n DESC LIMIT 20`,
    ...{ isOfAll: true, wantedMs: TOP_OF_ALL_MS },
  },
];

export async function benchQueries(settings: BenchSettings): Promise<BenchReport> {
  const { say, work, isQuick } = settings;
  const rows = (settings.load.rows ?? ROWS) / (isQuick ? 10 : 1);
  const { database } = statePaths(join(work, 'collector'));
  say(`making ${rows} rows`);
  const filled = await fillLog(database, rows);
  const alone = await alonePeer(database);
  say('asking the collector');
  const scene = await DenialScene.start({ work, gateways: 0, spoolBytes: 0 });
  try {
    const cases: Timing[] = [...alone];
    const [all, one] = [await scene.person(), await scene.person(WORKSPACE)];
    for (const query of QUERIES) {
      cases.push(await timeOf(query, 'all', all));
      if (!query.isOfAll) cases.push(await timeOf(query, 'one workspace', one));
    }
    return reportOf(filled, cases, scene.collector.highestMb);
  } finally {
    await scene.stop();
  }
}

/** With the collector's number of threads, and as much memory as it wants. */
async function alonePeer(database: string): Promise<readonly Timing[]> {
  const instance = await DuckDBInstance.create(database, { threads: '1', access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    const timings: Timing[] = [];
    const ask = async (sql: string) => (await connection.runAndReadAll(rewriteQuery(sql))).getRowsJson();
    await connection.run("SET TimeZone = 'UTC'");
    for (const query of QUERIES) timings.push(await timeOf(query, 'DuckDB alone', ask));
    return timings;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function timeOf(
  { name, sql, wantedMs, isOfAll }: BenchedQuery,
  caller: Timing['caller'],
  ask: (sql: string) => Promise<readonly unknown[]>,
): Promise<Timing> {
  const times: number[] = [];
  let rows = 0;
  for (let time = 0; time < (isOfAll ? TIMES / 4 : TIMES); time += 1) {
    const startMs = performance.now();
    rows = (await ask(sql)).length;
    times.push(performance.now() - startMs);
    await setTimeout(PAUSE_MS);
  }
  return { query: name, caller, p50Ms: median(times), p99Ms: percentile(times, 99), wantedMs, rows };
}

function reportOf(filled: FilledLog, timings: readonly Timing[], highestMb: number): BenchReport {
  return {
    tables: [tableOf(filled, timings, highestMb)],
    targets: [...timings.flatMap(targetOf), memoryTarget(highestMb)],
    figures: { filled, timings, highestMb },
  };
}

function tableOf(
  { rows, seconds, megabytes }: FilledLog,
  timings: readonly Timing[],
  highestMb: number,
): BenchTable {
  const made = `${rows} rows in ${figure(megabytes)} MB, made in ${figure(seconds)} s`;
  return {
    title: `Queries of a collector with ${made}; its highest memory: ${figure(highestMb)} MB`,
    head: ['QUERY', 'CALLER MAY READ', 'ROWS', 'P50 MS', 'P99 MS', 'P50 : DUCKDB ALONE'],
    rows: timings.map((timing) => [
      ...[timing.query, timing.caller, String(timing.rows), figure(timing.p50Ms), figure(timing.p99Ms)],
      figure(timing.p50Ms / (aloneOf(timings, timing)?.p50Ms ?? Number.NaN)),
    ]),
  };
}

function aloneOf(timings: readonly Timing[], { query }: Timing): Timing | undefined {
  return timings.find((other) => other.query === query && other.caller === 'DuckDB alone');
}

function targetOf({ query, caller, p50Ms, wantedMs }: Timing): readonly Target[] {
  if (caller === 'DuckDB alone') return [];
  const text = `${query}, by one who may read ${caller}: p50 below ${wantedMs} ms`;
  return [{ kind: 'wish', text, found: `${figure(p50Ms)} ms`, isMet: p50Ms < wantedMs }];
}

function memoryTarget(highestMb: number): Target {
  const text = `the collector takes less than ${MOST_MB} MB`;
  return { kind: 'wish', text, found: `${figure(highestMb)} MB`, isMet: highestMb < MOST_MB };
}
