// Whether every denial is stored: 50,000 refusals while the log is rotated and our process is killed once; then a
// second flood in which Envoy itself is killed, where only what it had not yet written can be missing.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOutsideWorld, type OutsideWorld } from '../outside/outside-world.ts';
import { BenchFolder, destinationNames, WORKSPACE } from './bench-folder.ts';
import { type BenchReport, type BenchSettings, type BenchTable, figure, type Target } from './bench-report.ts';
import { countDenials, type DenialCount, gapsOf, storedNames, untilRows } from './denial-count.ts';
import { flood, type FloodTally } from './denial-flood.ts';
import { HighWater } from './high-water.ts';
import { SallyportProcess } from './sallyport-process.ts';

const DENIALS = 50_000;
const DENIALS_WITHOUT_ENVOY = 20_000;
const DESTINATIONS = 100;
/** So that the log is rotated some three times. */
const FILES_PER_FLOOD = 3.5;
const LINE_BYTES = 640;
const KILLED_AT = 0.3;
const DRAIN_LIMIT_MS = 120_000;
/** Envoy writes its log so often, see envoy-pid-file.ts. */
const FLUSH_MS = 100;

export async function benchDenials(settings: BenchSettings): Promise<BenchReport> {
  const world = await startOutsideWorld({ names: [] });
  try {
    const scale = settings.isQuick ? 0.1 : 1;
    const own = await killOwnProcess(world, settings, DENIALS * scale);
    const envoy = await killEnvoy(world, settings, DENIALS_WITHOUT_ENVOY * scale);
    return {
      tables: [ownTable(own), envoyTable(envoy)],
      targets: [...ownTargets(own), ...envoyTargets(envoy)],
      figures: { own, envoy },
    };
  } finally {
    await world.stop();
  }
}

async function startSallyport(
  world: OutsideWorld,
  { work }: BenchSettings,
  name: string,
  denials: number,
): Promise<SallyportProcess> {
  const folder = new BenchFolder(join(work, `${name}-folder`));
  await folder.create(destinationNames(DESTINATIONS));
  const rotateBytes = Math.max(65_536, Math.round((denials * LINE_BYTES) / FILES_PER_FLOOD));
  const sallyport = new SallyportProcess({
    folder: folder.path,
    state: join(work, name),
    world,
    furtherOptions: ['--rotate-log-bytes', String(rotateBytes)],
  });
  await sallyport.start();
  return sallyport;
}

interface OwnFindings extends DenialCount {
  readonly asked: number;
  readonly answered: number;
  readonly gaps: number;
  readonly duplicates: number;
  readonly answersPerSecond: number;
  /** From the first request until the last row was stored, the restart included. */
  readonly rowsPerSecond: number;
  readonly highestMb: number;
  readonly envoyHighestMb: number;
}

async function killOwnProcess(world: OutsideWorld, settings: BenchSettings, asked: number): Promise<OwnFindings> {
  const sallyport = await startSallyport(world, settings, 'own', asked);
  try {
    settings.say(`${asked} denials; our process is killed and started again on the way`);
    const own = HighWater.start(() => sallyport.pid);
    const envoyPid = await sallyport.envoyPid();
    const envoy = HighWater.start(() => envoyPid);
    const proxy = await sallyport.proxy(WORKSPACE);
    let restarted: Promise<void> | undefined;
    const restart = async (): Promise<void> => {
      await sallyport.kill();
      await sallyport.start();
    };
    const startMs = performance.now();
    const tally = await flood({
      proxy,
      from: 1,
      to: asked + 1,
      onAnswer: (answered) => {
        if (answered >= asked * KILLED_AT) restarted ??= restart();
      },
    });
    await restarted;
    await untilRows(sallyport, tally.answeredMs.size, DRAIN_LIMIT_MS);
    const seconds = (performance.now() - startMs) / 1000;
    const count = await countDenials(sallyport);
    return {
      ...count,
      asked,
      answered: tally.answeredMs.size,
      gaps: gapsOf(count),
      duplicates: count.rows - count.distinctNames,
      answersPerSecond: tally.answeredMs.size / tally.seconds,
      rowsPerSecond: count.rows / seconds,
      highestMb: own.stop(),
      envoyHighestMb: envoy.stop(),
    };
  } finally {
    await sallyport.stop();
  }
}

interface EnvoyFindings {
  readonly asked: number;
  readonly answered: number;
  readonly unanswered: number;
  readonly missing: number;
  /** How long before the kill the first of the missing was answered; 0 where none is missing. */
  readonly oldestMissingMs: number;
  /** From the kill until the first answer of the next Envoy. */
  readonly outageMs: number;
  readonly gaps: number;
}

async function killEnvoy(world: OutsideWorld, settings: BenchSettings, asked: number): Promise<EnvoyFindings> {
  const sallyport = await startSallyport(world, settings, 'envoy', asked);
  try {
    settings.say(`${asked} denials; Envoy is killed on the way`);
    const proxy = await sallyport.proxy(WORKSPACE);
    const pid = await sallyport.envoyPid();
    let killedMs = Number.NaN;
    const tally = await flood({
      proxy,
      from: 1,
      to: asked + 1,
      onAnswer: (answered) => {
        if (answered < asked * KILLED_AT || !Number.isNaN(killedMs)) return;
        killedMs = performance.now();
        process.kill(pid, 'SIGKILL');
      },
    });
    // The next Envoy answers again, and its lines come after the last one's.
    const last = await flood({ proxy, from: asked + 1, to: asked + 2 });
    const findings = await compare(sallyport, tally, last, killedMs);
    return { asked, ...findings };
  } finally {
    await sallyport.stop();
  }
}

async function compare(
  sallyport: SallyportProcess,
  tally: FloodTally,
  last: FloodTally,
  killedMs: number,
): Promise<Omit<EnvoyFindings, 'asked'>> {
  const [lastName = ''] = last.answeredMs.keys();
  await untilStored(sallyport, lastName);
  const stored = await storedNames(sallyport);
  const missing = [...tally.answeredMs].filter(([name]) => !stored.has(name)).map(([, atMs]) => killedMs - atMs);
  const after = [...tally.answeredMs.values()].filter((atMs) => atMs > killedMs + FLUSH_MS);
  return {
    answered: tally.answeredMs.size,
    unanswered: tally.unanswered,
    missing: missing.length,
    oldestMissingMs: Math.max(0, ...missing),
    outageMs: Math.min(...after) - killedMs,
    gaps: gapsOf(await countDenials(sallyport)),
  };
}
