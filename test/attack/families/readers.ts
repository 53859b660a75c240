// Clients that do not read what a server sends without end, and clients that send without end to a server that does not
// read, on every way through: what Envoy buffers for each is bounded, and another workspace is served meanwhile.
import fc from 'fast-check';
import { helloFor } from '../../outside/client-hello.ts';
import { until } from '../../support/until.ts';
import type { Entry } from '../attack-case.ts';
import { bystanderProbe } from './bystander.ts';
import { footprintOf } from './envoy-footprint.ts';
import type { Family, FamilyResult, FamilyRun } from './family.ts';
import type { LaneName } from './probe.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import { type ProbeScene, startProbeScene } from './probe-scene.ts';
import { sendProbe } from './send-probe.ts';
import { type Stuck, stick } from './stuck-client.ts';

/** Of so few; the first ones cost more than those of thousands do. */
const KILOBYTES_EACH = 320;
const SERVED_WITHIN_MS = 2000;

interface Ways {
  readonly entry: Entry;
  readonly turns: (name: string) => readonly string[];
}

const tunnel = (name: string, port: number): string =>
  `CONNECT ${name}:${port} HTTP/1.1\r\nHost: ${name}:${port}\r\n\r\n`;

const WAYS = {
  'a tunnel of any bytes': { entry: 'proxy', turns: (name) => [tunnel(name, 5432), 'hello'] },
  'a TLS tunnel': { entry: 'proxy', turns: (name) => [tunnel(name, 443), helloFor(name)] },
  'transparent TLS': { entry: 'tls', turns: (name) => [helloFor(name)] },
  'plain HTTP': {
    entry: 'http',
    turns: (name) => [`POST / HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 999999999\r\n\r\n`],
  },
  'absolute form': {
    entry: 'proxy',
    turns: (name) => [`POST http://${name}/ HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 999999999\r\n\r\n`],
  },
} as const satisfies Readonly<Record<string, Ways>>;

interface Scenario {
  readonly way: keyof typeof WAYS;
  readonly server: 'endless' | 'deaf';
  readonly lane: LaneName;
  readonly clients: number;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  way: fc.constantFrom(...(Object.keys(WAYS) as (keyof typeof WAYS)[])),
  server: fc.constantFrom('endless', 'deaf'),
  lane: fc.constantFrom('tenant', 'trial'),
  clients: fc.integer({ min: 60, max: 120 }),
});

export const READERS: Family = {
  name: 'readers',
  what: 'clients that do not read, and servers that do not, on every way',
  runs: 16,
  sampleRuns: 3,
  run: runScenarios,
};

async function runScenarios({ seed, runs }: FamilyRun): Promise<FamilyResult> {
  const scenarios = fc.sample(scenario, { seed, numRuns: runs });
  const faults: string[] = [];
  for (const [at, one] of scenarios.entries()) faults.push(...(await stickAll(at, one)));
  const cases = scenarios.reduce((total, { clients }) => total + clients, 0);
  return { cases, counts: { scenarios: runs, stuck: cases }, faults };
}

/** On a gateway of its own, since memory that was used once is not given back. */
async function stickAll(at: number, { way, server, lane, clients }: Scenario): Promise<readonly string[]> {
  const scene = await startProbeScene(PROBE_FOLDER);
  try {
    const { entry, turns } = WAYS[way];
    const place = scene.placeOf(lane, entry);
    const name = `${server}.leads.example.net`;
    await servedAfter(scene, at);
    const before = await footprintOf(scene);
    const stuck = await Promise.all(
      Array.from({ length: clients }, () => stick(place, turns(name), server === 'deaf')),
    );
    await until('nothing moves any more', () => isStill(scene, at, stuck));
    const waited = await servedAfter(scene, at);
    const now = await footprintOf(scene);
    for (const { socket } of stuck) socket.destroy();
    const each = ((now.megabytes - before.megabytes) * 1024) / clients;
    const shown = `#${at} ${clients} clients by ${way} in ${lane}, ${server} server`;
    return [
      ...(stuck.every(({ moved }) => moved > 0) ? [] : [`${shown}: some were not served at all`]),
      ...(each <= KILOBYTES_EACH ? [] : [`${shown}: Envoy buffers ${each.toFixed()} kB for each`]),
      ...(waited < SERVED_WITHIN_MS ? [] : [`${shown}: another workspace waited ${waited.toFixed()} ms`]),
    ];
  } finally {
    await scene.fixture.stop();
  }
}

/** No byte moved while a whole request of another workspace went through. */
async function isStill(scene: ProbeScene, at: number, stuck: readonly Stuck[]): Promise<boolean> {
  const total = (): number => stuck.reduce((sum, { moved }) => sum + moved, 0);
  const before = total();
  await servedAfter(scene, at);
  return total() === before;
}

async function servedAfter(scene: ProbeScene, at: number): Promise<number> {
  const startedAt = performance.now();
  const mark = { token: `p${`${at}`.padStart(6, '0')}e`, label: '' };
  const { gotThrough } = await sendProbe(bystanderProbe(mark), `127.2.0.${1 + at}`, scene);
  return gotThrough ? performance.now() - startedAt : Number.POSITIVE_INFINITY;
}
