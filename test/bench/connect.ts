// Setting up tunnels: through the gateway with 2,500 and with 10 destinations, through Squid with the same 2,500, and
// without a proxy. All of them run at the same time and take turns, so that noise of the machine meets all alike.
// Squid has one worker, so the gateways that are compared have one; as users have it, with one per core, is a row too.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type OutsideWorld, startOutsideWorld } from '../outside/outside-world.ts';
import { ANY_NAME, BenchFolder, destinationNames, sampleOf, WORKSPACE } from './bench-folder.ts';
import { type BenchReport, type BenchSettings, type BenchTable, figure } from './bench-report.ts';
import { freePort } from './free-port.ts';
import { cpuSeconds, memoryOf } from './process-usage.ts';
import { SallyportProcess } from './sallyport-process.ts';
import { SquidProxy, squidVersion } from './squid-proxy.ts';
import { median, percentile, ratios, spread } from './statistics.ts';
import type { Place } from './tunnel.ts';
import { TunnelLoad } from './tunnel-load.ts';

const MANY = 2500;
const FEW = 10;
const CLIENTS = 16;
const ROUNDS = 24;
const BURST_MS = 1000;
const WARM_UP_MS = 1000;
const RATE_WANTED = 0.9;
const CPU_RATIO_WANTED = 1.05;

const DIRECT = 'direct';
const SQUID = `Squid, ${MANY} names`;
const GATEWAY = `gateway, ${MANY} names`;
const GATEWAY_FEW = `gateway, ${FEW} names`;
const GATEWAY_WORKERS = `gateway, ${MANY} names, a worker per core`;
const ONE_WORKER = ['--concurrency', '1'];

interface Contender {
  readonly label: string;
  readonly target: Place;
  /** Undefined where there is no proxy. */
  readonly pid: number | undefined;
  /** What works beside the proxy for it: `sallyport run`, which reads its log. */
  readonly companionPid?: number;
}

/** One burst through one contender. */
interface Sample {
  readonly perSecond: number;
  /** Of the proxy. */
  readonly cpuUsPerTunnel: number;
  /** Of proxy, companion, clients and origin together. */
  readonly allCpuUsPerTunnel: number;
  readonly latenciesMs: Float64Array;
  readonly failed: number;
}

type Samples = ReadonlyMap<string, readonly Sample[]>;

export async function benchConnect(settings: BenchSettings): Promise<BenchReport> {
  const world = await startOutsideWorld({ names: [{ name: ANY_NAME }], services: {} });
  const started: { stop(): Promise<void> }[] = [world];
  try {
    const load = await TunnelLoad.start({ originAddress: world.addressOf(ANY_NAME), names: ANY_NAME });
    started.push(load);
    const contenders = await startContenders(world, settings, started);
    const samples = await takeTurns(load, contenders, settings);
    return report(samples, await memory(contenders), await squidVersion());
  } finally {
    for (const part of started.toReversed()) await part.stop();
  }
}

async function startContenders(
  world: OutsideWorld,
  { work, say }: BenchSettings,
  started: { stop(): Promise<void> }[],
): Promise<readonly Contender[]> {
  const origin = world.addressOf(ANY_NAME);
  const names = destinationNames(MANY);
  const place = { host: world.listenAddress, port: await freePort(world.listenAddress) };
  const hosts = Object.fromEntries(usedNames().map((name) => [name, origin]));
  say('Starting Squid and three gateways');
  const squid = await SquidProxy.start({ place, names, hosts });
  started.push(squid);
  const direct = { label: DIRECT, target: { host: origin, port: 443 }, pid: undefined };
  const contenders: Contender[] = [direct, { label: SQUID, target: place, pid: squid.pid }];
  for (const [at, { label, count, furtherOptions }] of GATEWAYS.entries()) {
    const folder = new BenchFolder(join(work, `folder-${at}`));
    await folder.create(sampleOf(names, count));
    const ports = `${20_000 + at * 1000}-${20_999 + at * 1000}`;
    const state = join(work, `state-${at}`);
    const sallyport = new SallyportProcess({ folder: folder.path, state, world, ports, furtherOptions });
    started.push(sallyport);
    await sallyport.start();
    const target = await sallyport.proxy(WORKSPACE);
    contenders.push({ label, target, pid: await sallyport.envoyPid(), companionPid: sallyport.pid });
  }
  return contenders;
}

const GATEWAYS = [
  { label: GATEWAY, count: MANY, furtherOptions: ONE_WORKER },
  { label: GATEWAY_FEW, count: FEW, furtherOptions: ONE_WORKER },
  { label: GATEWAY_WORKERS, count: MANY, furtherOptions: [] },
];

/** Ten names that are in both policies. */
function usedNames(): readonly string[] {
  return sampleOf(destinationNames(MANY), FEW);
}

async function takeTurns(
  load: TunnelLoad,
  contenders: readonly Contender[],
  settings: BenchSettings,
): Promise<Samples> {
  const burstMs = settings.isQuick ? BURST_MS / 10 : BURST_MS;
  for (const contender of contenders) await burst(load, contender, Math.min(burstMs, WARM_UP_MS));
  const samples = new Map<string, Sample[]>(contenders.map(({ label }) => [label, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    settings.say(`Round ${round + 1} of ${ROUNDS}`);
    // There and back, so that a machine that grows slower or faster favours nobody.
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) samples.get(contender.label)?.push(await burst(load, contender, burstMs));
  }
  return samples;
}

async function burst(load: TunnelLoad, contender: Contender, durationMs: number): Promise<Sample> {
  const { label, target, pid } = contender;
  const before = await cpuOf(contender);
  const run = { target, isProxy: pid !== undefined, names: usedNames(), clients: CLIENTS, durationMs };
  const { tunnels, perSecond, latenciesMs, failed, error } = await load.run(run);
  const after = await cpuOf(contender);
  if (tunnels === 0) throw new Error(`Cannot open a tunnel (${label}): ${error}`);
  return {
    perSecond,
    cpuUsPerTunnel: ((after.proxy - before.proxy) * 1e6) / tunnels,
    allCpuUsPerTunnel: ((after.all - before.all) * 1e6) / tunnels,
    latenciesMs,
    failed,
  };
}

/** Seconds used so far; the proxy's are NaN where there is none. */
async function cpuOf({
  pid,
  companionPid,
}: Contender): Promise<{ readonly proxy: number; readonly all: number }> {
  const proxy = pid === undefined ? Number.NaN : await cpuSeconds(pid);
  const companion = companionPid === undefined ? 0 : await cpuSeconds(companionPid);
  const { user, system } = process.cpuUsage();
  return { proxy, all: (proxy || 0) + companion + (user + system) / 1e6 };
}

async function memory(contenders: readonly Contender[]): Promise<ReadonlyMap<string, number>> {
  const entries = contenders.map(
    async ({ label, pid }): Promise<[string, number]> => [
      label,
      pid === undefined ? Number.NaN : (await memoryOf(pid)).nowMb,
    ],
  );
  return new Map(await Promise.all(entries));
}

function report(samples: Samples, memoryMb: ReadonlyMap<string, number>, squid: string): BenchReport {
  const summaries = [...samples].map(([label, taken]) =>
    summaryOf(label, taken, memoryMb.get(label) ?? Number.NaN),
  );
  const series = (
    label: string,
    field: 'perSecond' | 'cpuUsPerTunnel' | 'allCpuUsPerTunnel',
  ): readonly number[] => (samples.get(label) ?? []).map((sample) => sample[field]);
  const rate = ratios(series(GATEWAY, 'perSecond'), series(SQUID, 'perSecond'));
  const cpu = ratios(series(GATEWAY, 'cpuUsPerTunnel'), series(SQUID, 'cpuUsPerTunnel'));
  const work = ratios(series(SQUID, 'allCpuUsPerTunnel'), series(GATEWAY, 'allCpuUsPerTunnel'));
  const size = ratios(series(GATEWAY, 'cpuUsPerTunnel'), series(GATEWAY_FEW, 'cpuUsPerTunnel'));
  const failed = summaries.reduce((sum, summary) => sum + summary.failed, 0);
  return {
    tables: [
      tunnelTable(summaries, squid),
      ratioTable([
        ['rate, gateway : Squid', rate],
        ['rate as it would be if CPU alone counted', work],
        ['CPU per tunnel, gateway : Squid', cpu],
        [`CPU per tunnel, ${MANY} : ${FEW} names`, size],
      ]),
    ],
    targets: [
      {
        kind: 'wish',
        text: `rate at least ${RATE_WANTED} of Squid's`,
        found: figure(median(rate)),
        isMet: median(rate) >= RATE_WANTED,
      },
      {
        kind: 'wish',
        text: `CPU per tunnel with ${MANY} names at most ${CPU_RATIO_WANTED} of that with ${FEW}`,
        found: figure(median(size)),
        isMet: median(size) <= CPU_RATIO_WANTED,
      },
      { kind: 'promise', text: 'every tunnel works', found: `${failed} failed`, isMet: failed === 0 },
    ],
    figures: {
      clients: CLIENTS,
      cores: availableParallelism(),
      squid,
      summaries,
      rateRatios: rate,
      workRatios: work,
      cpuRatios: cpu,
      sizeRatios: size,
    },
  };
}

interface Summary {
  readonly label: string;
  readonly tunnels: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly perSecondSpread: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsPerTunnel: number;
  readonly allCpuUsPerTunnel: number;
  readonly memoryMb: number;
}

function summaryOf(label: string, taken: readonly Sample[], memoryMb: number): Summary {
  const rates = taken.map(({ perSecond }) => perSecond);
  const latencies = Float64Array.from(taken.flatMap(({ latenciesMs }) => [...latenciesMs]));
  return {
    label,
    tunnels: latencies.length,
    failed: taken.reduce((sum, { failed }) => sum + failed, 0),
    perSecond: median(rates),
    perSecondSpread: spread(rates),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    cpuUsPerTunnel: median(taken.map(({ cpuUsPerTunnel }) => cpuUsPerTunnel)),
    allCpuUsPerTunnel: median(taken.map(({ allCpuUsPerTunnel }) => allCpuUsPerTunnel)),
    memoryMb,
  };
}

function tunnelTable(summaries: readonly Summary[], squid: string): BenchTable {
  return {
    title: `CONNECT, TLS 1.3 handshake and one request; ${CLIENTS} clients, a new connection each time (${squid})`,
    head: [
      '',
      'TUNNELS/S',
      '+/-',
      'P50 MS',
      'P99 MS',
      'PROXY CPU US/TUNNEL',
      'ALL CPU US/TUNNEL',
      'PROXY RSS MB',
      'TUNNELS',
      'FAILED',
    ],
    rows: summaries.map((one) => [
      one.label,
      figure(one.perSecond),
      `${figure(one.perSecondSpread * 100)} %`,
      figure(one.p50Ms),
      figure(one.p99Ms),
      figure(one.cpuUsPerTunnel),
      figure(one.allCpuUsPerTunnel),
      figure(one.memoryMb),
      String(one.tunnels),
      String(one.failed),
    ]),
  };
}

function ratioTable(series: readonly (readonly [string, readonly number[]])[]): BenchTable {
  return {
    title: 'Ratios within each round',
    head: ['', 'MEDIAN', 'LOWEST', 'HIGHEST'],
    rows: series.map(([label, values]) => [
      label,
      figure(median(values)),
      figure(Math.min(...values)),
      figure(Math.max(...values)),
    ]),
  };
}
