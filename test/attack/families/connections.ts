// Connections without end from one workspace, idle, half open or slow, from one address or many: no port holds more of
// them than its limit, the others are reported (rows or counters), and another workspace is served meanwhile.
import fc from 'fast-check';
import { until } from '../../support/until.ts';
import type { Entry } from '../attack-case.ts';
import { bystanderProbe } from './bystander.ts';
import { faultsOfFootprint, footprintOf } from './envoy-footprint.ts';
import type { Family, FamilyResult, FamilyRun } from './family.ts';
import { FIRST_WORDS, type FirstWords, type Held, hold } from './held-connections.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import { type ProbeScene, startProbeScene } from './probe-scene.ts';
import { sendProbe } from './send-probe.ts';
import { floodRows } from './stored-rows.ts';

const LIMIT = 25;
/** Two workers may each let one in that the other has not heard of. */
const TOLERANCE = 2;
const SERVED_WITHIN_MS = 2000;
/** Sooner than a client that says nothing is closed anyway. */
const SETTLED_WITHIN_MS = 2500;

interface Scenario {
  readonly groups: readonly Group[];
  readonly sources: number;
}

interface Group {
  readonly entry: Entry;
  readonly words: FirstWords;
  readonly count: number;
}

const ENTRIES = ['proxy', 'tls', 'http', 'tls-8443'] as const satisfies readonly Entry[];

const scenario: fc.Arbitrary<Scenario> = fc.record({
  groups: fc.array(
    fc.record({
      entry: fc.constantFrom(...ENTRIES),
      words: fc.constantFrom(...(Object.keys(FIRST_WORDS) as FirstWords[])),
      count: fc.integer({ min: 10, max: 3 * LIMIT }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  sources: fc.constantFrom(1, 2, 50),
});

export const CONNECTIONS: Family = {
  name: 'connections',
  what: 'idle, half-open and slow connections beyond every limit',
  runs: 25,
  sampleRuns: 4,
  run: runScenarios,
};

async function runScenarios({ seed, runs }: FamilyRun): Promise<FamilyResult> {
  const scene = await startProbeScene(PROBE_FOLDER, { maxConnections: LIMIT });
  try {
    const before = await footprintOf(scene);
    const found: Found[] = [];
    for (const [at, one] of fc.sample(scenario, { seed, numRuns: runs }).entries()) {
      found.push(await holdAll(at, one, scene));
    }
    return {
      cases: sum(found, ({ opened }) => opened),
      counts: {
        scenarios: runs,
        kept: sum(found, ({ kept }) => kept),
        'turned away': sum(found, ({ opened, kept }) => opened - kept),
      },
      faults: [...found.flatMap(({ faults }) => faults), ...(await faultsOfFootprint(scene, before))],
    };
  } finally {
    await scene.fixture.stop();
  }
}

interface Found {
  readonly opened: number;
  readonly kept: number;
  readonly faults: readonly string[];
}

async function holdAll(at: number, { groups, sources }: Scenario, scene: ProbeScene): Promise<Found> {
  const reportedBefore = await reportedOf(scene);
  const opening = groups.flatMap(({ entry, words, count }) =>
    Array.from({ length: count }, (_, index) =>
      hold(
        scene.placeOf('tenant', entry),
        `127.1.${at}.${1 + (index % sources)}`,
        FIRST_WORDS[words](`held-${index}.leads.example.net`),
      ),
    ),
  );
  const held = await Promise.all(opening);
  const shown = `#${at} ${groups.map(({ entry, words, count }) => `${count} of ${words} on ${entry}`).join(', ')} from ${sources}`;
  const isBounded = await becomes(() => mostOnAPort(held) <= LIMIT + TOLERANCE);
  const most = mostOnAPort(held);
  const kept = held.filter(({ isClosed }) => !isClosed).length;
  const served = await servedWithin(at, scene);
  const isNotified =
    kept === held.length ||
    (await becomes(async () => (await reportedOf(scene)) - reportedBefore >= held.length - kept));
  for (const { socket } of held) socket.destroy();
  await until('all are closed', () => held.every(({ isClosed }) => isClosed));
  return {
    opened: held.length,
    kept,
    faults: [
      ...(isBounded ? [] : [`${shown}: a port holds ${most} connections, of ${LIMIT} that it may`]),
      ...(served < SERVED_WITHIN_MS ? [] : [`${shown}: another workspace waited ${served.toFixed()} ms`]),
      ...(isNotified
        ? []
        : [
            `${shown}: of ${held.length - kept} that were closed ${(await reportedOf(scene)) - reportedBefore} are reported`,
          ]),
    ],
  };
}

function mostOnAPort(held: readonly Held[]): number {
  const open = held.filter(({ isClosed }) => !isClosed);
  return Math.max(0, ...[...Map.groupBy(open, ({ place }) => place.port)].map(([, { length }]) => length));
}

/** Rows, those that stand for several included, and what Envoy counts where no listener writes a line. */
async function reportedOf({ fixture }: ProbeScene): Promise<number> {
  const rows = await floodRows(fixture, '127.1.');
  const counters = await fixture.counters('downstream_cx_overflow$|downstream_global_cx_overflow$');
  return rows.length + sum([...counters.values()], (value) => value);
}

async function servedWithin(at: number, scene: ProbeScene): Promise<number> {
  const startedAt = performance.now();
  const seen = await sendProbe(
    bystanderProbe({ token: `p${`${at}`.padStart(6, '0')}e`, label: '' }),
    `127.2.0.${1 + at}`,
    scene,
  );
  return seen.gotThrough ? performance.now() - startedAt : Number.POSITIVE_INFINITY;
}

async function becomes(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  return until('it holds', holds, SETTLED_WITHIN_MS).then(
    () => true,
    () => false,
  );
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
