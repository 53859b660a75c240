// Denials of several gateways into one collector, over TLS and with the tokens of a real API server: at a high rate, with
// the collector away, and with the collector killed. What the gateways wrote is what was asked, and the collector's own
// SQL says what is stored. Envoy is not there: on two cores it writes less than this. Nor is its cost.
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import {
  type BenchReport,
  type BenchSettings,
  type BenchTable,
  figure,
  type Target,
} from './bench-report.ts';
import { DenialScene } from './denial-scene.ts';
import { lagPercentile } from './lag.ts';
import { cpuSeconds } from './process-usage.ts';
import { compareNames, type StoredNames } from './stored-names.ts';

/** In seconds where it is a time. */
interface ShippedLoad {
  readonly perSecond: number;
  readonly seconds: number;
  /** What is done to the collector meanwhile; resolves when it runs again. */
  readonly disturb?: (scene: DenialScene, say: BenchSettings['say']) => Promise<Disturbance>;
}

type Disturbance = Readonly<Record<string, number>>;

export interface Shipped extends StoredNames {
  /** From the first line until the last acknowledgement. */
  readonly seconds: number;
  readonly perSecond: number;
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  /** While rows came. */
  readonly collectorHighestMb: number;
  /** Until all names were read. */
  readonly collectorHighestWithReadingMb: number;
  /** Of the CPU, for each second of load. */
  readonly collectorCpu: number;
  readonly gatewaysCpu: number;
  readonly collectorCpuUsPerRow: number;
  readonly gatewaysCpuUsPerRow: number;
  readonly spoolMb: number;
  /** From the last line, and where it was away from its return, until the last acknowledgement. */
  readonly catchUpSeconds: number;
  readonly disturbance: Disturbance;
}

const GATEWAYS = 4;
const SPOOL_BYTES = 2 ** 31;
const RATE = 20_000;
const SECONDS = 60;
const OUTAGE_RATE = 5000;
const OUTAGE_SECONDS = 600;
const KILLS_RATE = 5000;
const SEED = 20_261_129;
const LAG_WANTED_MS = 2000;
const MOST_MB = 400;

export async function benchFlow(settings: BenchSettings): Promise<BenchReport> {
  const { seconds = SECONDS, rate = RATE } = settings.load;
  const flow = await ship(settings, { perSecond: rate, seconds: scaled(settings, seconds) });
  return reportOf(`${rate} denials a second`, flow, [
    {
      kind: 'wish',
      text: `lag p99 below ${LAG_WANTED_MS} ms`,
      found: `${figure(flow.lagP99Ms)} ms`,
      isMet: flow.lagP99Ms < LAG_WANTED_MS,
    },
  ]);
}

export async function benchOutage(settings: BenchSettings): Promise<BenchReport> {
  const seconds = scaled(settings, settings.load.outage ?? OUTAGE_SECONDS);
  const disturb: ShippedLoad['disturb'] = async ({ collector }) => {
    await collector.stop();
    await delay(seconds * 1000);
    await collector.start();
    return {};
  };
  const outage = await ship(settings, { perSecond: OUTAGE_RATE, seconds, disturb });
  return reportOf(`Collector away for ${seconds} s, at ${OUTAGE_RATE} denials a second`, outage, []);
}

export async function benchKills(settings: BenchSettings): Promise<BenchReport> {
  const seconds = scaled(settings, settings.load.seconds ?? SECONDS);
  const pauses = fc.sample(fc.integer({ min: 500, max: 5000 }), { seed: SEED, numRuns: seconds * 2 });
  const disturb: ShippedLoad['disturb'] = async ({ collector }, say) => {
    const endMs = performance.now() + seconds * 1000;
    let kills = 0;
    for (const pause of pauses) {
      if (performance.now() + pause > endMs) break;
      await delay(pause);
      await collector.kill();
      kills += 1;
      await collector.start();
    }
    say(`killed ${kills} times`);
    return { kills };
  };
  const killed = await ship(settings, { perSecond: KILLS_RATE, seconds, disturb });
  const { kills } = killed.disturbance;
  return reportOf(`Collector killed ${kills} times, at ${KILLS_RATE} denials a second`, killed, []);
}

function scaled({ isQuick }: BenchSettings, seconds: number): number {
  return isQuick ? Math.max(2, seconds / 10) : seconds;
}

async function ship(settings: BenchSettings, load: ShippedLoad): Promise<Shipped> {
  const scene = await DenialScene.start({ ...settings, gateways: GATEWAYS, spoolBytes: SPOOL_BYTES });
  try {
    return await shipIn(scene, settings, load);
  } finally {
    await scene.stop();
  }
}

async function shipIn(
  scene: DenialScene,
  { say }: BenchSettings,
  { perSecond, seconds, disturb }: ShippedLoad,
): Promise<Shipped> {
  const { collector, gateways } = scene;
  say(`${perSecond} denials a second for ${seconds} s`);
  const spool = SpoolSize.start(scene);
  const [startMs, cpuBefore] = [performance.now(), await collector.cpuSeconds()];
  const gatewaysBefore = await cpuOfAll(gateways);
  const disturbed = disturb?.(scene, say);
  const written = await Promise.all(gateways.map((one) => one.write(perSecond / gateways.length, seconds)));
  const disturbance = (await disturbed) ?? {};
  const writtenMs = performance.now();
  const lags = await Promise.all(gateways.map((one) => one.drain()));
  const endMs = performance.now();
  const spoolMb = spool.stop();
  const collectorHighestMb = collector.highestMb;
  const [cpuAfter, gatewaysAfter] = [await collector.cpuSeconds(), await cpuOfAll(gateways)];
  say('comparing names');
  const asked = new Map(gateways.map(({ name }, at) => [name, written[at] ?? 0]));
  const names = await compareNames(await scene.person(), asked);
  const wholeSeconds = (endMs - startMs) / 1000;
  return {
    ...names,
    seconds: wholeSeconds,
    perSecond: names.stored / wholeSeconds,
    lagP50Ms: lagPercentile(lags, 50),
    lagP99Ms: lagPercentile(lags, 99),
    lagMaxMs: lagPercentile(lags, 100),
    collectorHighestMb,
    collectorHighestWithReadingMb: collector.highestMb,
    collectorCpu: (cpuAfter - cpuBefore) / wholeSeconds,
    gatewaysCpu: (gatewaysAfter - gatewaysBefore) / wholeSeconds,
    collectorCpuUsPerRow: ((cpuAfter - cpuBefore) * 1e6) / names.stored,
    gatewaysCpuUsPerRow: ((gatewaysAfter - gatewaysBefore) * 1e6) / names.stored,
    ...{ spoolMb, catchUpSeconds: (endMs - writtenMs) / 1000, disturbance },
  };
}

async function cpuOfAll(gateways: DenialScene['gateways']): Promise<number> {
  const all = await Promise.all(gateways.map(({ pid }) => cpuSeconds(pid)));
  return all.reduce((sum, one) => sum + one, 0);
}

/** The most that all spools together had, by sampling. */
class SpoolSize {
  readonly #timer: NodeJS.Timeout;
  #highest = 0;

  private constructor({ gateways }: DenialScene) {
    const look = async (): Promise<void> => {
      const all = await Promise.all(gateways.map((one) => one.spoolBytes()));
      const bytes = all.reduce((sum, one) => sum + one, 0);
      this.#highest = Math.max(this.#highest, bytes);
    };
    this.#timer = setInterval(() => void look().catch(() => undefined), 1000);
  }

  static start(scene: DenialScene): SpoolSize {
    return new SpoolSize(scene);
  }

  stop(): number {
    clearInterval(this.#timer);
    return this.#highest / 1024 / 1024;
  }
}

function reportOf(title: string, shipped: Shipped, further: readonly Target[]): BenchReport {
  return {
    tables: [tableOf(title, shipped)],
    targets: [namesTarget(title, shipped), ...further, memoryTarget(shipped)],
    figures: { ...shipped },
  };
}

function tableOf(title: string, shipped: Shipped): BenchTable {
  const { asked, stored, counted } = shipped;
  return {
    title: `${title}; ${GATEWAYS} gateways`,
    head: ['', ''],
    rows: [
      ['asked = stored + counted in gaps', `${asked} = ${stored} + ${counted}`],
      ['names without a row', String(shipped.missing)],
      ['names more than once', String(shipped.twice)],
      ['names that nobody asked for', String(shipped.strange)],
      ['rows stored per second, until the last is acknowledged', figure(shipped.perSecond)],
      ["from a line's time until it is acknowledged, p50, ms", figure(shipped.lagP50Ms)],
      ['  p99, ms', figure(shipped.lagP99Ms)],
      ['  the longest, ms (at most 60,000)', figure(shipped.lagMaxMs)],
      ['from the last line until all is acknowledged, s', figure(shipped.catchUpSeconds)],
      ['largest size of the spools together, MB', figure(shipped.spoolMb)],
      ['highest memory of the collector, MB', figure(shipped.collectorHighestMb)],
      ['  until all names were read, too', figure(shipped.collectorHighestWithReadingMb)],
      [
        'CPU of the collector, cores; µs for each row',
        inBoth(shipped.collectorCpu, shipped.collectorCpuUsPerRow),
      ],
      ['CPU of the gateways without Envoy', inBoth(shipped.gatewaysCpu, shipped.gatewaysCpuUsPerRow)],
    ],
  };
}

function inBoth(cores: number, microseconds: number): string {
  return `${figure(cores)}; ${figure(microseconds)}`;
}

function namesTarget(title: string, { asked, stored, missing, twice, strange, counted }: Shipped): Target {
  return {
    kind: 'promise',
    text: `${title}: every name is stored once`,
    found: `${stored} of ${asked}, ${missing} lost, ${twice} twice, ${strange} strange, ${counted} counted`,
    isMet: missing === 0 && twice === 0 && strange === 0 && counted === 0,
  };
}

function memoryTarget({ collectorHighestWithReadingMb: highestMb }: Shipped): Target {
  return {
    kind: 'wish',
    text: `the collector takes less than ${MOST_MB} MB`,
    found: `${figure(highestMb)} MB`,
    isMet: highestMb < MOST_MB,
  };
}
