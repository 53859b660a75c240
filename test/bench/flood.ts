// One workspace floods the gateway with denied requests whose Hosts have 29 kB. How much DNS and rows of another one
// are delayed, compared with no flood; how the log grows; whether every denial is counted; how soon the
// process ends.
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { askDns } from '../outside/dns-client.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { type BenchReport, type BenchSettings, figure, type Target } from './bench-report.ts';
import { logBytes } from './log-size.ts';
import type { Ledger } from './long-host-flood.ts';
import type { LongHostRequest } from './long-host-worker.ts';
import { atMost } from './propagation-report.ts';
import { SallyportProcess, until } from './sallyport-process.ts';
import { median, percentile } from './statistics.ts';
import type { Place } from './tunnel.ts';

const FLOOD_MS = 30_000;
const WARM_UP_MS = 2000;
/** Within this the signal comes. */
const LAST_FLOOD_MS = 1000;
const DNS_EVERY_MS = 20;
const ROW_POLL_MS = 10;
const SIZE_EVERY_MS = 250;
const COUNTED_LIMIT_MS = 30_000;
const GONE_LIMIT_MS = 20_000;

const SLOWER_WANTED = 2;
const GROWTH_WANTED_MB = 5;
const STOP_WANTED_S = 5;

const COUNT = `SELECT coalesce(sum(repeats), 0)::BIGINT AS "repeats", count(*)::INT AS "rows"
  FROM system.access.outbound_network WHERE workspace = 'greedy'`;

/** Of the other workspace. */
interface Latencies {
  readonly dnsMs: readonly number[];
  readonly rowMs: readonly number[];
}

interface Found {
  readonly idle: Latencies;
  readonly beside: Latencies;
  readonly ledger: Ledger;
  readonly repeats: number;
  readonly rows: number;
  readonly grownMb: number;
  readonly mostGrownMb: number;
  readonly stopS: number;
}

export async function benchFlood({ work, say, isQuick }: BenchSettings): Promise<BenchReport> {
  const outside = await startOutsideServers({ names: [] });
  const worker = new Worker(new URL('./long-host-worker.ts', import.meta.url));
  const state = join(work, 'state');
  const sallyport = await startSallyport(outside, work, state);
  try {
    return report(
      await measure({ sallyport, worker, state, say, durationMs: isQuick ? FLOOD_MS / 10 : FLOOD_MS }),
    );
  } finally {
    await worker.terminate();
    await sallyport.stop();
    await outside.stop();
  }
}

async function startSallyport(
  outside: OutsideServers,
  work: string,
  state: string,
): Promise<SallyportProcess> {
  const folder = join(work, 'folder');
  await mkdir(folder, { recursive: true });
  for (const name of ['greedy', 'modest'])
    await writeFile(join(folder, `${name}.yaml`), workspaceYaml(name, {}));
  const sallyport = new SallyportProcess({ folder, state, outside });
  await sallyport.start();
  return sallyport;
}

interface Stage {
  readonly sallyport: SallyportProcess;
  readonly worker: Worker;
  readonly state: string;
  readonly say: (text: string) => void;
  readonly durationMs: number;
}

async function measure({ sallyport, worker, state, say, durationMs }: Stage): Promise<Found> {
  const proxy = await sallyport.proxy('greedy');
  const flood = (request: LongHostRequest): Promise<Ledger> => floodIn(worker, request);
  await latenciesOf(sallyport, WARM_UP_MS);
  say('another workspace, while nobody floods');
  const idle = await latenciesOf(sallyport, durationMs);
  const before = await logBytes(state);
  say('the same beside the flood');
  const size = watchSize(state);
  const [ledger, beside] = await Promise.all([
    flood({ proxy, durationMs }),
    latenciesOf(sallyport, durationMs),
  ]);
  const { repeats, rows } = await counted(sallyport, ledger.denied);
  const grownMb = ((await logBytes(state)) - before) / 1e6;
  const mostGrownMb = (size.stop() - before) / 1e6;
  say('SIGTERM in the middle of another flood');
  const stopS = await stopSeconds(sallyport, () => flood({ proxy, durationMs: 2 * LAST_FLOOD_MS }));
  return { idle, beside, ledger, repeats, rows, grownMb, mostGrownMb, stopS };
}

async function floodIn(worker: Worker, request: LongHostRequest): Promise<Ledger> {
  worker.postMessage(request);
  const [ledger] = (await once(worker, 'message')) as [Ledger];
  return ledger;
}

/** Of questions that are asked all the time, and of others, one after the other, that are awaited in the log. */
async function latenciesOf(sallyport: SallyportProcess, durationMs: number): Promise<Latencies> {
  const endMs = performance.now() + durationMs;
  const [dnsMs, rowMs] = await Promise.all([
    repeated(endMs, await dnsProbe(sallyport)),
    repeated(endMs, await rowProbe(sallyport)),
  ]);
  return { dnsMs, rowMs };
}

async function repeated(endMs: number, probe: () => Promise<number>): Promise<readonly number[]> {
  const found: number[] = [];
  while (performance.now() < endMs) found.push(await probe());
  return found;
}

async function dnsProbe(sallyport: SallyportProcess): Promise<() => Promise<number>> {
  const server = serverOf(await sallyport.nameServer('modest', 'NOTEBOOKS'));
  return async () => {
    const startMs = performance.now();
    await askDns({ server, name: 'asked.example.org' });
    const tookMs = performance.now() - startMs;
    await delay(DNS_EVERY_MS);
    return tookMs;
  };
}

let asked = 0;

async function rowProbe(sallyport: SallyportProcess): Promise<() => Promise<number>> {
  const server = serverOf(await sallyport.nameServer('modest'));
  return async () => {
    asked += 1;
    const name = `row-${asked}.example.org`;
    const query = `SELECT 1 FROM system.access.outbound_network WHERE destination = '${name}'`;
    await askDns({ server, name });
    const startMs = performance.now();
    while ((await sallyport.query(query)).length === 0) await delay(ROW_POLL_MS);
    return performance.now() - startMs;
  };
}

function serverOf({ host, port }: Place): string {
  return `${host}:${port}`;
}

/** stop() answers the most bytes that were seen. */
function watchSize(state: string): { readonly stop: () => number } {
  let most = 0;
  const check = async (): Promise<void> => void (most = Math.max(most, await logBytes(state)));
  const timer = setInterval(() => void check(), SIZE_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}

/** Once the log has as many as were denied, or a while later. */
async function counted(
  sallyport: SallyportProcess,
  denied: number,
): Promise<{ readonly repeats: number; readonly rows: number }> {
  const check = async () => {
    const [row] = await sallyport.query(COUNT);
    return { repeats: Number(row?.['repeats']), rows: Number(row?.['rows']) };
  };
  await until(async () => (await check()).repeats >= denied, 'every denial', COUNTED_LIMIT_MS).catch(
    () => undefined,
  );
  return await check();
}

/** From the signal to the end of the last process. */
async function stopSeconds(sallyport: SallyportProcess, flood: () => Promise<Ledger>): Promise<number> {
  const children = await readFile(`/proc/${sallyport.pid}/task/${sallyport.pid}/children`, 'utf8');
  const own = children.trim().split(' ').map(Number);
  const pids = new Set([sallyport.pid, await sallyport.envoyPid(), ...own]);
  const flooding = flood();
  await delay(LAST_FLOOD_MS);
  const startMs = performance.now();
  process.kill(sallyport.pid, 'SIGTERM');
  for (const pid of pids) await until(() => isGone(pid), `the end of process ${pid}`, GONE_LIMIT_MS);
  const stopMs = performance.now() - startMs;
  await flooding;
  return stopMs / 1000;
}

async function isGone(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status === '' || status.includes('State:\tZ');
}

function report(found: Found): BenchReport {
  const { ledger, repeats, rows, grownMb, mostGrownMb, stopS } = found;
  const latencies = rowsOf(found);
  return {
    tables: [
      {
        title: 'Another workspace beside a flood of denials with Hosts of 29 kB',
        head: ['', 'IDLE MS', 'BESIDE MS', 'TIMES'],
        rows: latencies.map(({ what, idleMs, besideMs }) => [
          what,
          ...[idleMs, besideMs, besideMs / idleMs].map(figure),
        ]),
      },
      {
        title: 'The flood',
        head: ['', ''],
        rows: [
          ['denied requests', String(ledger.denied)],
          ['without an answer', String(ledger.unanswered)],
          ['rows', String(rows)],
          ['denials they stand for', String(repeats)],
          ['growth of database and spools, MB', figure(grownMb)],
          ['at most on the way, MB', figure(mostGrownMb)],
          ['SIGTERM until every process has ended, s', figure(stopS)],
        ],
      },
    ],
    targets: [
      ...latencies.map(({ what, idleMs, besideMs }) =>
        atMost(`${what}, times that without the flood`, besideMs / idleMs, SLOWER_WANTED),
      ),
      countTarget(ledger, repeats),
      promised('MB by which the log grows', grownMb, GROWTH_WANTED_MB),
      promised('seconds until every process has ended', stopS, STOP_WANTED_S),
    ],
    figures: { latencies, ledger, repeats, rows, grownMb, mostGrownMb, stopS },
  };
}

function rowsOf({ idle, beside }: Found) {
  const p99 = (values: readonly number[]): number => percentile(values, 99);
  return [
    { what: 'DNS, median', idleMs: median(idle.dnsMs), besideMs: median(beside.dnsMs) },
    { what: 'DNS, p99', idleMs: p99(idle.dnsMs), besideMs: p99(beside.dnsMs) },
    { what: 'row, median', idleMs: median(idle.rowMs), besideMs: median(beside.rowMs) },
    { what: 'row, p99', idleMs: p99(idle.rowMs), besideMs: p99(beside.rowMs) },
  ];
}

function countTarget({ denied, unanswered }: Ledger, repeats: number): Target {
  return {
    kind: 'promise',
    text: 'every denial is counted once',
    found: `${repeats} of ${denied}`,
    isMet: repeats >= denied && repeats <= denied + unanswered,
  };
}

function promised(text: string, value: number, limit: number): Target {
  return { ...atMost(text, value, limit), kind: 'promise' };
}
