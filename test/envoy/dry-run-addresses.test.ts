// Where an allowed name leads: what the address guard of an enforced lane denies, a dry-run lane lets through and records,
// one row for each connection, and nothing else has such a row. Blocks of private addresses cannot be dialled without a
// packet that leaves the machine, so Envoy gets the product's configuration with blocks of loopback in their place.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { denialOfLine } from '../../operator/denials/reading/denial-of-line.ts';
import type { XdsEnvoy } from '../../operator/gateway/xds/xds-envoy.ts';
import { parseAccessLogLine } from '../../operator/model/access-log-line.ts';
import type { UnnumberedDenial } from '../../operator/model/denial.ts';
import type { Json } from '../../operator/render/envoy/envoy-config.ts';
import type { AskResult } from '../outside/ask-result.ts';
import { type OutsideServers, STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { type Ask, ask } from '../outside/proxy-client.ts';
import { pathsOf, startEditedEnvoy } from '../support/envoy/edited-envoy.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import {
  allow,
  DRY_RUN,
  privateEndpointYaml,
  type WrittenPort,
  workspaceYaml,
} from '../support/envoy/workspace-yaml.ts';

const RUNS = 300;
const SEED = Number(process.env['SEED'] ?? 20_261_130);
/** Few, so that on a busy machine no DNS answer and no ClientHello comes too late. */
const AT_ONCE = 8;
const ALL_CASES_MS = 240_000;

const PORTS: readonly WrittenPort[] = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 22, protocol: 'TCP' },
  { port: 5432, protocol: 'TCP' },
];
const SERVICES = { ...STANDARD_SERVICES, 5432: 'echo' } as const;

/** The private endpoint's own range is the first. The last ranges are how the guard of its names writes all others. */
const BLOCKS = {
  private: { first: 144, standsFor: ['10.0.0.0/8'] },
  'private of others': { first: 160, standsFor: ['172.16.0.0/12', '12.0.0.0/6'] },
  shared: { first: 176, standsFor: ['100.64.0.0/10', '16.0.0.0/4'] },
  public: { first: 208, standsFor: ['8.0.0.0/7'] },
} as const;
type Block = keyof typeof BLOCKS;

/** Besides, addresses that dry-run lanes deny too, and one that is open to everybody. */
const PLACES = [...(Object.keys(BLOCKS) as Block[]), 'open', 'gateway', 'metadata', 'nowhere'] as const;
type Place = (typeof PLACES)[number];

const ZONES = {
  'of the internet': 'example.com',
  'of a private endpoint': 'corp.example.net',
  'that is not allowed': 'example.org',
} as const;

const WAYS = {
  'TLS in CONNECT': (host) => ({ url: `https://${host}/` }),
  'TLS with another server name in CONNECT': (host) => ({
    url: `https://${host}/`,
    sni: 'front.example.com',
  }),
  'bytes in CONNECT': (host) => ({ connect: `${host}:5432`, sends: 'bytes', bytes: 'ping' }),
  'a server that speaks first, in CONNECT': (host) => ({ connect: `${host}:22`, sends: 'nothing' }),
  'plain HTTP': (host) => ({ url: `http://${host}/` }),
  'TLS without a proxy': (host) => ({ url: `https://${host}/` }),
  'plain HTTP without a proxy': (host) => ({ url: `http://${host}/` }),
} as const satisfies Readonly<Record<string, (host: string) => Ask>>;
type Way = keyof typeof WAYS;

interface Sent {
  readonly way: Way;
  readonly place: Place;
  readonly zone: keyof typeof ZONES;
  readonly isServed: boolean;
}

interface Seen extends Sent {
  readonly source: string;
  readonly answers: { readonly enforced: AskResult; readonly dry: AskResult };
}

let fixture: GatewayFixture;
let envoy: XdsEnvoy;
let seen: readonly Seen[] = [];
let rows: ReadonlyMap<string, readonly UnnumberedDenial[]>;

beforeAll(async () => {
  const access = allow(['*.example.com'], PORTS);
  fixture = await startGateway({
    names: [],
    services: SERVICES,
    files: {
      'enforced.yaml': workspaceYaml('enforced', access),
      'dry.yaml': workspaceYaml('dry', { ...access, ...DRY_RUN }),
      'private.yaml': privateEndpointYaml('datacenter', {
        domains: ['*.corp.example.net'],
        addressRanges: ['10.0.0.0/8'],
        workspaces: ['enforced', 'dry'],
        ports: PORTS,
      }),
    },
  });
  await addNames(fixture.outside);
  envoy = await startEditedEnvoy(fixture, { listener: withBlocks, cluster: withBlocks });
  seen = await sendAll(generated());
  await envoy.stop();
  rows = Map.groupBy(await rowsOfLog(), ({ source, workspace }) => `${workspace} ${source.split(':')[0]}`);
}, ALL_CASES_MS);

afterAll(async () => {
  await envoy?.stop();
  await fixture.stop();
});

function hostOf({ place, zone, isServed }: Pick<Sent, 'place' | 'zone' | 'isServed'>): string {
  return `${isServed ? 'served' : 'empty'}-${place.replaceAll(' ', '-')}.${ZONES[zone]}`;
}

async function addNames(outside: OutsideServers): Promise<void> {
  for (const place of PLACES) {
    for (const isServed of [true, false]) {
      const address = addressOf(place, isServed, outside);
      if (address === undefined) continue;
      for (const zone of Object.keys(ZONES) as (keyof typeof ZONES)[]) {
        const services = isServed ? SERVICES : {};
        await outside.addName({ name: hostOf({ place, zone, isServed }), address, services });
      }
    }
  }
}

function addressOf(place: Place, isServed: boolean, outside: OutsideServers): string | undefined {
  if (place === 'nowhere') return undefined;
  if (place === 'metadata') return '169.254.169.254';
  if (place === 'gateway') return outside.closedAddress;
  const first = place === 'open' ? 100 : BLOCKS[place].first;
  return outside.openRange.replace('0/24', `${first + (isServed ? 1 : 2)}`);
}

/** Puts the blocks in place of the ranges that they stand for, wherever Envoy denies addresses. */
function withBlocks(text: string): string {
  const { openRange } = fixture.outside;
  const blocks = new Map<string, Json>(
    Object.values(BLOCKS).flatMap(({ first, standsFor }) =>
      standsFor.map((range) => [
        range,
        { address_prefix: openRange.replace('0/24', `${first}`), prefix_len: 28 },
      ]),
    ),
  );
  return JSON.stringify(
    JSON.parse(text, (_key, value) => blocks.get(`${value?.address_prefix}/${value?.prefix_len}`) ?? value),
  );
}

function generated(): readonly Sent[] {
  const sent = fc.record({
    way: fc.constantFrom(...(Object.keys(WAYS) as Way[])),
    place: fc.constantFrom(...PLACES),
    zone: fc.constantFrom(...(Object.keys(ZONES) as (keyof typeof ZONES)[])),
    isServed: fc.boolean(),
  });
  return fc.sample(sent, { numRuns: RUNS, seed: SEED });
}

async function sendAll(all: readonly Sent[]): Promise<readonly Seen[]> {
  const done: Seen[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const some = all.slice(from, from + AT_ONCE).map((sent, at) => sendBoth(sent, from + at));
    done.push(...(await Promise.all(some)));
  }
  return done;
}

async function sendBoth(sent: Sent, at: number): Promise<Seen> {
  const source = `127.3.${Math.floor(at / 250)}.${1 + (at % 250)}`;
  const [enforced, dry] = await Promise.all(
    ['enforced', 'dry'].map((workspace) => ask(requestOf(sent, workspace, source))),
  );
  if (enforced === undefined || dry === undefined) throw new Error('Two answers were expected');
  return { ...sent, source, answers: { enforced, dry } };
}

function requestOf(sent: Sent, workspace: string, localAddress: string): Ask {
  const asks: Ask = WAYS[sent.way](hostOf(sent));
  const isDirect = sent.way.endsWith('without a proxy');
  const port = sent.way.startsWith('TLS') ? 443 : 80;
  const way = isDirect ? fixture.direct(workspace, port) : fixture.client(workspace);
  return { ...way, ...asks, localAddress, timeoutMs: 5000 };
}

/** By the very functions that fill the log. */
async function rowsOfLog(): Promise<readonly UnnumberedDenial[]> {
  const text = await readFile(join(pathsOf(fixture).envoyLog, 'access.log'), 'utf8');
  const lines = text.split('\n').flatMap((line) => parseAccessLogLine(line) ?? []);
  const origin = { accountId: 'account', eventId: 'event' };
  return lines.flatMap(
    (line) =>
      denialOfLine(
        line,
        origin,
        () => null,
        () => true,
      ) ?? [],
  );
}

function rowsIn(workspace: 'enforced' | 'dry', { source }: Seen): readonly string[] {
  const found = rows.get(`${workspace} ${source}`) ?? [];
  return found.map(({ accessType, reason }) => `${accessType} ${reason}`);
}

/** Enforced lanes do not always know whether there is an address. */
const LED_NOWHERE = ['DROP ADDRESS_DENIED', 'DROP UNRESOLVED_OR_PRIVATE'];

/** What every lane denies once it has looked up the name; dry-run lanes look up every name. */
function isDeniedAlways({ place }: Seen): boolean {
  return place === 'gateway' || place === 'metadata' || place === 'nowhere';
}

/** The row of the dry-run lane that follows from that of the enforced one. */
function isAsExpected(one: Seen): boolean {
  const [enforced, ...others] = rowsIn('enforced', one);
  const [found, ...more] = rowsIn('dry', one);
  if (others.length + more.length > 0) return false;
  if (isDeniedAlways(one)) return found !== undefined && LED_NOWHERE.includes(found);
  if (enforced === undefined || !LED_NOWHERE.includes(enforced)) {
    return found === enforced?.replace('DROP', 'DRY_RUN_DENIAL');
  }
  return found === RECORDED;
}

const RECORDED = 'DRY_RUN_DENIAL ADDRESS_DENIED';

function shown(one: Seen): string {
  const { way, place, zone, isServed, answers } = one;
  const of = (workspace: 'enforced' | 'dry'): string =>
    `${workspace} ${answers[workspace].outcome} [${rowsIn(workspace, one).join(', ')}]`;
  return `seed ${SEED}: ${way} to a name ${zone}, ${place}${isServed ? '' : ', nobody listens'}: ${of('enforced')}, ${of('dry')}`;
}

test('a dry-run lane records what the same connection gets in an enforced one', () => {
  expect(seen.filter((one) => !isAsExpected(one)).map(shown)).toEqual([]);
});

function isRecorded(one: Seen): boolean {
  return rowsIn('dry', one).includes(RECORDED);
}

test('what it records has reached its server, where there is one', () => {
  const wrong = seen.filter((one) => isRecorded(one) && (one.answers.dry.outcome === 'ok') !== one.isServed);
  expect(wrong.map(shown)).toEqual([]);
});

test('addresses of every kind are recorded, on every way on which names are allowed', () => {
  const recorded = seen.filter(isRecorded);
  const valuesOf = (key: 'way' | 'zone' | 'place' | 'isServed') => new Set(recorded.map((one) => one[key]));
  expect(valuesOf('way').size).toBe(Object.keys(WAYS).length - 1);
  expect(valuesOf('zone').size).toBe(Object.keys(ZONES).length - 1);
  expect(valuesOf('place').size).toBe(Object.keys(BLOCKS).length);
  expect(valuesOf('isServed').size).toBe(2);
  expect(recorded.length).toBeGreaterThan(RUNS / 10);
});
