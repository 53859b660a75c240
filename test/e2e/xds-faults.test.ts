// The fault table: whatever dies, hangs or breaks while a change is on its way, a real Envoy never lets through what has
// been denied once, and loses nothing that is allowed unless it was killed itself. A probe asks a hundred times a second.
// SEED chooses the moments; RUNS how many crash points there are, and how often everything else happens.
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { isRunning, signalProcess } from '../../operator/gateway/process/process-identity.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { type FaultCounts, FaultProbe, type Watched } from '../support/envoy/fault-probe.ts';
import { ASKED, isAllowed, NAMES, textOf } from '../support/envoy/fault-world.ts';
import { versionsInEnvoy } from '../support/envoy/xds-fixture.ts';
import { until } from '../support/until.ts';
import type { Command } from './command-line.ts';
import { READY, Scene } from './scene.ts';

const SEED = Number(process.env['SEED'] ?? 20_261);
const RUNS = Number(process.env['RUNS'] ?? 0);
const CRASHES = RUNS === 0 ? 3 : RUNS;
const TIMES = Math.max(1, Math.ceil(RUNS / 10));
/** Of an Envoy that hangs. */
const STOPPED_MS = RUNS === 0 ? 1500 : 30_000;
const LIMIT_MS = 240_000 + CRASHES * 20_000 + TIMES * 150_000;

/** SIGUSR2 turns the clock of the process an hour on, SIGPWR two hours back. */
const JUMPING_CLOCK = `data:text/javascript,${encodeURIComponent(
  'let o=0;const n=Date.now;Date.now=()=>n()+o;process.on("SIGUSR2",()=>{o+=36e5});process.on("SIGPWR",()=>{o-=72e5});',
)}`;

let scene: Scene;
let agent: Command;
let probe: FaultProbe;
let edition = 0;
const table: (FaultCounts & { readonly fault: string })[] = [];

beforeAll(async () => {
  scene = await Scene.open(NAMES, { 'all.yaml': textOf(edition) });
  await start();
  probe = new FaultProbe(await watched(), scene.outside.caPem);
  probe.want(({ name }) => isAllowed(edition, name));
  await probe.settled();
}, 60_000);

afterAll(async () => {
  await probe.stop();
  await scene.remove();
  if (RUNS > 0) process.stderr.write(`${tableText()}\n`);
});

async function start(): Promise<void> {
  agent = scene.run([], { NODE_OPTIONS: `--import "${JUMPING_CLOCK}"` });
  await agent.says(READY);
}

async function watched(): Promise<readonly Watched[]> {
  const { workspaces } = await scene.endpoints();
  const placeOf = (url: string): Watched['place'] => {
    const { hostname: host, port } = new URL(url);
    return { host, port: Number(port) };
  };
  return workspaces
    .filter(({ workspace }) => ASKED.includes(workspace))
    .flatMap(({ workspace, products }) => {
      const { proxy = null, tls = null } = products.find(({ product }) => product === 'JOBS') ?? {};
      return NAMES.flatMap((name) => [
        { name, workspace, way: 'proxy' as const, place: placeOf(`${proxy}`) },
        { name, workspace, way: 'direct' as const, place: placeOf(`http://${tls}`) },
      ]);
    });
}

/** A revocation and an addition in every workspace, one that is new, one that is gone. */
async function change(): Promise<void> {
  edition += 1;
  probe.want(({ name }) => isAllowed(edition, name));
  await scene.write('all.yaml', textOf(edition));
}

async function signalEnvoy(signal: NodeJS.Signals): Promise<void> {
  const identity = await scene.envoy();
  if (identity === undefined) throw new Error('No Envoy runs');
  if (signal === 'SIGKILL') probe.envoyDies();
  await signalProcess(identity, signal);
  if (signal !== 'SIGKILL') return;
  await until('Envoy is gone', async () => !(await isRunning(identity)));
  probe.envoyDied();
}

/** Everything is in force, and so it is after one more change with nothing in its way. */
async function recovered(fault: string): Promise<void> {
  await probe.settled();
  await change();
  await probe.settled();
  table.push({ fault, ...probe.take() });
  expect(probe.faults).toEqual([]);
}

function tableText(): string {
  const faults = [...new Set(table.map(({ fault }) => fault))];
  const rows = faults.map((fault) => {
    const of = table.filter((row) => row.fault === fault);
    const sum = (what: keyof FaultCounts): number => of.reduce((total, row) => total + row[what], 0);
    return `| ${fault} | ${of.length} | ${sum('probes')} | ${sum('forbidden')} | ${sum('lost')} | ${sum('withoutEnvoy')} |`;
  });
  return ['| fault | times | probes | forbidden | lost | lost while no Envoy ran |', ...rows].join('\n');
}

const resources = (): string => join(statePaths(scene.state()).envoy, 'resources');

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
  const { route: tables } = await versionsInEnvoy(statePaths(scene.state()).envoy);
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

/** Of a change that was just written. */
async function untilMoment({ from, afterMs }: Moment): Promise<void> {
  if (from === 'its first file') {
    const list = join(resources(), 'route');
    const before = (await stat(list)).mtimeMs;
    await until('the first file is written', async () => (await stat(list)).mtimeMs !== before);
  }
  await delay(afterMs);
}

test(
  'the agent is killed at any moment of a send',
  async () => {
    for (const moment of moments) {
      const before = await snapshot();
      await change();
      await untilMoment(moment);
      await agent.end('SIGKILL');
      const crashed = await snapshot();
      await start();
      await probe.settled();
      await recovered(`agent killed ${crashPoint(before, crashed, await snapshot())}`);
    }
  },
  LIMIT_MS,
);

const shortMoments = fc.sample(fc.integer({ min: 0, max: 250 }), { seed: SEED, numRuns: TIMES });

test(
  'Envoy is killed at any moment of a send',
  async () => {
    for (const afterMs of shortMoments) {
      await change();
      await delay(afterMs);
      await signalEnvoy('SIGKILL');
      await recovered('Envoy killed');
    }
  },
  LIMIT_MS,
);

test(
  'both are killed',
  async () => {
    for (const afterMs of shortMoments) {
      await change();
      await delay(afterMs);
      await Promise.all([agent.end('SIGKILL'), signalEnvoy('SIGKILL')]);
      await start();
      await recovered('both killed');
    }
  },
  LIMIT_MS,
);

test(
  'Envoy stands still',
  async () => {
    for (let time = 0; time < TIMES; time += 1) {
      await signalEnvoy('SIGSTOP');
      await change();
      await delay(STOPPED_MS);
      await signalEnvoy('SIGCONT');
      await recovered('Envoy stands still');
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
      await agent.end('SIGKILL');
      const files = [...(await contentsOf(resources())).keys()].filter((path) => path.endsWith('.binpb'));
      const path = how === 'list' ? join(resources(), 'complete') : (files[which % files.length] ?? '');
      const text = await readFile(path);
      if (how === 'missing') await rm(path);
      else await writeFile(path, how === 'empty' ? '' : text.subarray(0, text.length - 9));
      await change();
      await start();
      await agent.says(/Cannot use ".*is stored as ".*resources\.damaged" and computed anew/);
      await recovered('files damaged');
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
      await change();
      await probe.settled();
      await agent.end('SIGKILL');
      await rm(resources(), { recursive: true });
      await cp(former, resources(), { recursive: true });
      await rm(former, { recursive: true });
      await start();
      await recovered('files of a former world');
    }
  },
  LIMIT_MS,
);

test(
  'a second agent wants the same socket',
  async () => {
    for (let time = 0; time < TIMES; time += 1) {
      const second = scene.run();
      await change();
      expect((await second.ended()).stderr).toMatch(/process \d+ uses it; end that process/);
      await recovered('second agent');
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
      process.kill(agent.pid, signal);
      await change();
      await recovered('clock jumps');
    }
  },
  LIMIT_MS,
);
