// Floods from one workspace, of every kind and size: DNS, tunnels and rows of another workspace are not delayed,
// nothing of the flood is lost or uncounted, and the log stays small.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { DENIAL_ROWS_PER_SECOND } from '../../../operator/model/limits.ts';
import { askDns } from '../../outside/dns-client.ts';
import { pathsOf } from '../../support/envoy/edited-envoy.ts';
import { until } from '../../support/until.ts';
import { BYSTANDER } from './bystander.ts';
import { faultsOfFootprint, footprintOf } from './envoy-footprint.ts';
import type { Family, FamilyResult, FamilyRun } from './family.ts';
import { FLOOD_KINDS, type Flood, startFlood } from './flood.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import { type ProbeScene, startProbeScene } from './probe-scene.ts';
import { proxyConnect } from './probe-senders.ts';
import { sendProbe } from './send-probe.ts';
import { floodRows, storedRows } from './stored-rows.ts';

const FLOOD_MS = 3000;
const IDLE_ROUNDS = 20;
const NAME_OF_A_DENIAL = 'denied-meanwhile.example.org';
/** Of the log in 30 s. */
const LOG_BYTES_PER_SECOND = 5_000_000 / 30;
/** What is late beyond all noise of a busy machine. */
const FLOOR = { dnsMs: 40, tunnelMs: 150, rowMs: 2000 };
/** To be worse by this much is no more than to share a machine. */
const TIMES = 3;

type Scenario = Pick<Flood, 'kind' | 'size' | 'connections'>;

const scenario: fc.Arbitrary<Scenario> = fc.record({
  kind: fc.constantFrom(...FLOOD_KINDS),
  size: fc.constantFrom(200, 4000, 16_000, 29_000),
  connections: fc.constantFrom(1, 8, 32),
});

export const FAIRNESS: Family = {
  name: 'fairness',
  what: 'floods of one workspace; DNS, tunnels and rows of another meanwhile',
  runs: 14,
  sampleRuns: 2,
  run: runScenarios,
};

async function runScenarios({ seed, runs }: FamilyRun): Promise<FamilyResult> {
  const scene = await startProbeScene(PROBE_FOLDER, { denialRows: DENIAL_ROWS_PER_SECOND });
  try {
    const idle = await serveRounds(scene, IDLE_ROUNDS);
    const before = await footprintOf(scene);
    const faults: string[] = [];
    let cases = 0;
    for (const [at, one] of fc.sample(scenario, { seed, numRuns: runs }).entries()) {
      const found = await floodOnce(at, one, scene, idle);
      cases += found.answered;
      faults.push(...found.faults);
    }
    return {
      cases,
      counts: { floods: runs, answered: cases },
      faults: [...faults, ...(await faultsOfFootprint(scene, before))],
    };
  } finally {
    await scene.fixture.stop();
  }
}

/** How the addresses of floods begin. */
const FLOOD_SOURCES = '127.3.0.';

interface Served {
  readonly dnsMs: number;
  readonly tunnelMs: number;
  /** From the answer to the row. */
  readonly rowMs: number;
}

async function floodOnce(at: number, one: Scenario, scene: ProbeScene, idle: Served) {
  const logBefore = await logBytes(scene);
  const reportedBefore = await toldOfFloods(scene);
  const source = `${FLOOD_SOURCES}${1 + at}`;
  const place = scene.placeOf('tenant', one.kind === 'questions' ? 'dns' : 'http');
  let isOver = false;
  const flooded = startFlood({ ...one, place, source, durationMs: FLOOD_MS }).finally(() => {
    isOver = true;
  });
  const served = await serveRounds(scene, Number.POSITIVE_INFINITY, () => isOver);
  const { answered } = await flooded;
  await scene.fixture.gateway.drained();
  const grown = (await logBytes(scene)) - logBefore;
  const shown = `#${at} ${one.kind} of ${one.size} by ${one.connections}`;
  return {
    answered,
    faults: [
      ...Object.entries(served).flatMap(([what, ms]) => {
        const key = what as keyof Served;
        const limit = Math.max(FLOOR[key], TIMES * idle[key]);
        return ms <= limit
          ? []
          : [`${shown}: another workspace had ${what} ${ms.toFixed(1)}, idle ${idle[key].toFixed(1)}`];
      }),
      ...(grown <= (LOG_BYTES_PER_SECOND * FLOOD_MS) / 1000
        ? []
        : [`${shown}: the log grew by ${grown} bytes`]),
      ...(one.kind === 'new names' || one.kind === 'questions'
        ? []
        : await faultsOfCount(shown, reportedBefore + answered, scene)),
    ],
  };
}

/** In the rows of all floods: where the budget of a lane is used up, one row stands for several sources. */
async function toldOfFloods({ fixture }: ProbeScene): Promise<number> {
  const rows = await floodRows(fixture, FLOOD_SOURCES);
  return rows.reduce((sum, { repeats = 1 }) => sum + Number(repeats), 0);
}

/** Every answer is a row, or one of those that a row stands for. */
async function faultsOfCount(shown: string, wanted: number, scene: ProbeScene): Promise<readonly string[]> {
  let notified = 0;
  const isAll = await until('all are counted', async () => {
    notified = await toldOfFloods(scene);
    return notified >= wanted;
  }).then(
    () => true,
    () => false,
  );
  return isAll ? [] : [`${shown}: ${wanted} were answered so far, and rows report ${notified}`];
}

/** Medians over rounds: a question, a tunnel, and a denial with its row. */
async function serveRounds(
  scene: ProbeScene,
  rounds: number,
  isOver = (): boolean => false,
): Promise<Served> {
  const found: Served[] = [];
  while (found.length < rounds && !isOver()) found.push(await serveRound(scene, found.length));
  const median = (key: keyof Served): number =>
    found.map((one) => one[key]).toSorted((a, b) => a - b)[Math.floor(found.length / 2)] ??
    Number.POSITIVE_INFINITY;
  return { dnsMs: median('dnsMs'), tunnelMs: median('tunnelMs'), rowMs: median('rowMs') };
}

async function serveRound(scene: ProbeScene, round: number): Promise<Served> {
  const { host, port } = scene.placeOf('other', 'dns');
  const [dnsMs] = await timed(() => askDns({ server: `${host}:${port}`, name: BYSTANDER }));
  const source = `127.2.${Math.floor(round / 250) % 250}.${1 + (round % 250)}`;
  const [tunnelMs] = await timed(() => tryOut(BYSTANDER, source, scene));
  await tryOut(NAME_OF_A_DENIAL, source, scene);
  const isThere = async (): Promise<boolean> => (await storedRows(scene.fixture, `${source}:`)).length > 0;
  const [rowMs] = await timed(() => until('the row is there', isThere).catch(() => undefined));
  return { dnsMs, tunnelMs, rowMs };
}

function tryOut(name: string, source: string, scene: ProbeScene) {
  const bytes = proxyConnect(`${name}:443`, { token: 'p000000e', sni: name });
  return sendProbe({ ...bytes, lane: 'other', ruling: { kind: 'denied' }, shown: name }, source, scene);
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [ms: number, result: T]> {
  const startedAt = performance.now();
  const result = await work();
  return [performance.now() - startedAt, result];
}

/** What is stored for good; Envoy's own lines go when they are read. */
async function logBytes({ fixture }: ProbeScene): Promise<number> {
  const { root, database } = pathsOf(fixture);
  const names = (await readdir(root)).filter((name) => join(root, name).startsWith(database));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(root, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
