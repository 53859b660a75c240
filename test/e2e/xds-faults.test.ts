// The fault table: whatever dies, hangs or breaks while a change is on its way, a real Envoy never lets through what has
// been denied once, and loses nothing that is allowed unless it was killed itself. A probe asks a hundred times a second.
// SEED chooses the moments; RUNS how many crash points there are, and how often everything else happens.
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { versionsInEnvoy } from '../support/envoy/xds-fixture.ts';
import { until } from '../support/until.ts';
import { FaultScene } from './fault-scene.ts';

const SEED = Number(process.env['SEED'] ?? 20_261);
const RUNS = Number(process.env['RUNS'] ?? 0);
const CRASHES = RUNS === 0 ? 2 : RUNS;
const TIMES = Math.max(1, Math.ceil(RUNS / 10));
/** Of an Envoy that hangs. */
const STOPPED_MS = RUNS === 0 ? 1500 : 30_000;
/** After so long without an answer the agent says so. */
const ANSWER_MS = 10_000;
const LIMIT_MS = 240_000 + CRASHES * 20_000 + TIMES * 150_000;

let faults: FaultScene;

beforeAll(async () => {
  faults = await FaultScene.open();
}, 60_000);

afterAll(() => faults.remove(RUNS > 0));

const resources = (): string => join(faults.scene.seen().envoy, 'resources');

/** Contents of a folder's files by path. */
async function contentsOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const texts = paths.map(async (path) => [path, await readFile(path, 'base64').catch(() => '')] as const);
  return new Map(await Promise.all(texts));
}

interface Snapshot {
  readonly files: ReadonlyMap<string, string>;
  readonly tables: Readonly<Record<string, string>>;
}

async function snapshot(): Promise<Snapshot> {
  const { route: tables } = await versionsInEnvoy(faults.scene.seen().envoy);
  return { files: await contentsOf(resources()), tables };
}

/** How far the change had come when the agent died. */
function crashPoint(before: Snapshot, crashed: Snapshot, after: Snapshot): string {
  const changed = Object.keys(after.tables).filter((name) => after.tables[name] !== before.tables[name]);
  const arrived = changed.filter((name) => crashed.tables[name] === after.tables[name]);
  if (arrived.length === changed.length) return 'after the tables';
  if (arrived.length > 0) return 'between two tables';
  const isWritten = [...crashed.files].some(([path, text]) => before.files.get(path) !== text);
  return isWritten ? 'after the first file' : 'before the files';
}

type Moment = { readonly from: 'the change' | 'its first file'; readonly afterMs: number };

const moments = fc.sample(
  fc.oneof(
    fc.record({ from: fc.constant('the change' as const), afterMs: fc.integer({ min: 0, max: 300 }) }),
    fc.record({ from: fc.constant('its first file' as const), afterMs: fc.integer({ min: 0, max: 60 }) }),
  ),
  { seed: SEED, numRuns: CRASHES },
);

async function untilWritten(path: string): Promise<void> {
  const before = (await stat(path)).mtimeMs;
  await until(`"${path}" is written`, async () => (await stat(path)).mtimeMs !== before);
}

/** Of a change that was just written. */
async function untilMoment({ from, afterMs }: Moment): Promise<void> {
  if (from === 'its first file') await untilWritten(join(resources(), 'route'));
  await delay(afterMs);
}

test(
  'the agent is killed at any moment of a send',
  async () => {
    for (const moment of moments) {
      const before = await snapshot();
      await faults.change();
      await untilMoment(moment);
      await faults.agent.end('SIGKILL');
      const crashed = await snapshot();
      await faults.start();
      await faults.probe.settled();
      await faults.recovered(`agent killed ${crashPoint(before, crashed, await snapshot())}`);
    }
  },
  LIMIT_MS,
);

const shortMoments = fc.sample(fc.integer({ min: 0, max: 250 }), { seed: SEED, numRuns: TIMES });

test(
  'Envoy is killed at any moment of a send',
  async () => {
    for (const afterMs of shortMoments) {
      await faults.change();
      await delay(afterMs);
      await faults.signalEnvoy('SIGKILL');
      await faults.recovered('Envoy killed');
    }
  },
  LIMIT_MS,
);

test(
  'both are killed',
  async () => {
    for (const afterMs of shortMoments) {
      await faults.change();
      await delay(afterMs);
      await faults.killBoth();
      await faults.start();
      await faults.recovered('both killed');
    }
  },
  LIMIT_MS,
);

test(
  'Envoy stands still',
  async () => {
    for (let time = 0; time < TIMES; time += 1) {
      await faults.signalEnvoy('SIGSTOP');
      await faults.change();
      await delay(STOPPED_MS);
      if (STOPPED_MS > ANSWER_MS) await faults.agent.says(/Envoy runs: it did not answer in time/);
      await faults.signalEnvoy('SIGCONT');
      await faults.recovered('Envoy stands still');
    }
  },
  LIMIT_MS,
);

test(
  'the agent is killed while Envoy stands still and has not seen the change',
  async () => {
    for (let time = 0; time < TIMES; time += 1) {
      await faults.signalEnvoy('SIGSTOP');
      await Promise.all([untilWritten(join(resources(), 'complete')), faults.change()]);
      await faults.agent.end('SIGKILL');
      await faults.signalEnvoy('SIGCONT');
      await faults.start();
      await faults.recovered('agent killed before Envoy saw the change');
    }
  },
  LIMIT_MS,
);

const damages = fc.sample(
  fc.record({ which: fc.nat(1000), how: fc.constantFrom('missing', 'truncated', 'empty', 'list') }),
  { seed: SEED, numRuns: TIMES },
);

test(
  'remembered files are damaged while no agent runs',
  async () => {
    for (const { which, how } of damages) {
      await faults.agent.end('SIGKILL');
      const files = [...(await contentsOf(resources())).keys()].filter((path) => path.endsWith('.binpb'));
      const path = how === 'list' ? join(resources(), 'complete') : (files[which % files.length] ?? '');
      const text = await readFile(path);
      if (how === 'missing') await rm(path);
      else await writeFile(path, how === 'empty' ? '' : text.subarray(0, text.length - 9));
      await faults.change();
      await faults.start();
      await faults.agent.says(/Cannot use ".*is stored as ".*resources\.damaged" and computed anew/);
      await faults.recovered('files damaged');
    }
  },
  LIMIT_MS,
);

test(
  'files of a former world are there while no agent runs',
  async () => {
    for (let time = 0; time < TIMES; time += 1) {
      const former = `${resources()}.former`;
      await cp(resources(), former, { recursive: true });
      await faults.change();
      await faults.probe.settled();
      await faults.agent.end('SIGKILL');
      await rm(resources(), { recursive: true });
      await cp(former, resources(), { recursive: true });
      await rm(former, { recursive: true });
      await faults.start();
      await faults.recovered('files of a former world');
    }
  },
  LIMIT_MS,
);

test(
  'a second agent wants the same socket',
  async () => {
    for (let time = 0; time < TIMES; time += 1) {
      const second = faults.scene.run();
      await faults.change();
      expect((await second.ended()).stderr).toMatch(/process \d+ uses it; end that process/);
      await faults.recovered('second agent');
    }
  },
  LIMIT_MS,
);

test.each([
  ['on', 'SIGUSR2'],
  ['back', 'SIGPWR'],
] as const)(
  'the clock of the agent is turned %s',
  async (_which, signal) => {
    for (let time = 0; time < TIMES; time += 1) {
      process.kill(faults.agent.pid, signal);
      await faults.change();
      await faults.recovered('clock jumps');
    }
  },
  LIMIT_MS,
);
