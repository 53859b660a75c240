// What one connected Envoy is sent, and when: pure units with the real book, and an Envoy that accepts everything.
import fc from 'fast-check';
import type { NamedResource } from '../../render/envoy/envoy-config.ts';
import { typed } from '../../render/envoy/envoy-config.ts';
import { type DeltaResponse, decodeEntries, encodeResource, encodeResponse } from './codec.ts';
import { EGRESS_ORDER } from './delivery-order.ts';
import { EnvoyStream } from './envoy-stream.ts';
import { ResourceBook } from './resource-book.ts';
import { TYPE_URLS } from './resource-kind.ts';
import { EVERYTHING_STAYS } from './stay-rules.ts';

const SEED = Number(process.env['SEED'] ?? 20_263);
const RUNS = Number(process.env['RUNS'] ?? 300);

const DRAIN_MS = 1000;
const RULES = { ...EVERYTHING_STAYS, isInternalName: (name: string) => name.startsWith('check-') };

let book: ResourceBook;
let sent: DeltaResponse[];
let maySend: boolean;
let stream: EnvoyStream;

beforeEach(newStream);

function newStream(): void {
  book = new ResourceBook({ longestRetryMs: 1000, drainMs: DRAIN_MS, rules: RULES });
  sent = [];
  maySend = true;
  stream = new EnvoyStream({
    book,
    order: EGRESS_ORDER,
    write: (response) => sent.push(response),
    maySend: () => maySend,
    mayRemoveUnused: () => true,
    onRejected: () => undefined,
    listenersInEnvoy: async () => [],
  });
}

const realNow = performance.now.bind(performance);
afterEach(() => {
  performance.now = realNow;
});

function cluster(name: string): NamedResource {
  return { name, body: typed('envoy.config.cluster.v3.Cluster', { name }) };
}

function listener(name: string, isInternal: boolean, port = 1): NamedResource {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const place = isInternal ? { internal_listener: {} } : { address };
  return { name, body: typed('envoy.config.listener.v3.Listener', { name, ...place }) };
}

/** As a former process stored it. */
function remember(resource: NamedResource, kind: 'cluster' | 'listener' = 'listener'): void {
  const encoded = encodeResource(resource);
  book.remember(kind, encoded, encoded);
}

function request(
  kind: 'cluster' | 'listener',
  responseNonce = '',
  initialResourceVersions: Readonly<Record<string, string>> = {},
): void {
  const nothing = { resourceNamesSubscribe: [], resourceNamesUnsubscribe: [] };
  stream.receive({ typeUrl: TYPE_URLS[kind], responseNonce, ...nothing, initialResourceVersions });
}

function namesIn(response: DeltaResponse): readonly string[] {
  return decodeEntries(encodeResponse(response), response.typeUrl).map(({ name }) => name);
}

/** Each response is seen before it is accepted; answers bring more. */
function acceptAll(see: (response: DeltaResponse) => void): void {
  for (let response = sent.shift(); response !== undefined; response = sent.shift()) {
    see(response);
    request(response.typeUrl === TYPE_URLS.listener ? 'listener' : 'cluster', response.nonce);
  }
}

/** Accepts all that comes. Names of listeners, in the order in which they came. */
function connected(): readonly string[] {
  const names: string[] = [];
  request('cluster');
  request('listener');
  acceptAll((response) => {
    if (response.typeUrl === TYPE_URLS.listener) names.push(...namesIn(response));
  });
  return names;
}

test.each([
  ['are remembered after those that lead to them', 250, 250],
  ['fill several responses', 450, 10],
])('an Envoy that starts gets internal listeners first where they %s', (_what, internal, outer) => {
  const count = Math.max(internal, outer);
  for (let at = 0; at < count; at += 1) {
    if (at < outer) remember(listener(`egress-${at}`, false));
    if (at < internal) remember(listener(`check-${at}`, true));
  }
  const names = connected();
  expect(new Set(names).size).toBe(internal + outer);
  expect(names).toHaveLength(internal + outer);
  expect(names.slice(0, internal).every((name) => name.startsWith('check-'))).toBe(true);
});

test('what is unused drains from when Envoy has what came in its place, however long that takes', () => {
  let nowMs = 0;
  performance.now = () => nowMs;
  for (const name of ['former', 'next']) remember(cluster(name), 'cluster');
  remember(listener('egress', false));
  connected();
  const next = listener('egress', false, 2);
  const encoded = encodeResource(next);
  const kept = cluster('next');
  book.want('cluster', new Map([['next', { encoded: encodeResource(kept), resource: kept }]]));
  book.want('listener', new Map([['egress', { encoded, resource: next }]]));
  stream.mark('cluster', ['former']);
  stream.mark('listener', ['egress']);
  stream.push();
  nowMs = 30 * DRAIN_MS;
  const [change] = sent.splice(0);
  expect(change && namesIn(change)).toEqual(['egress']);
  request('listener', change?.nonce);
  nowMs = 31 * DRAIN_MS - 1;
  stream.push();
  expect(sent).toEqual([]);
  nowMs = 31 * DRAIN_MS;
  stream.push();
  expect(sent).toMatchObject([{ typeUrl: TYPE_URLS.cluster, removed: ['former'] }]);
});

test('nothing is sent before it is stored: neither to an Envoy that connects nor to one that answers', () => {
  remember(listener('before', false));
  expect(connected()).toEqual(['before']);
  maySend = false;
  const next = listener('after', false);
  book.want('listener', new Map([['after', { encoded: encodeResource(next), resource: next }]]));
  stream.mark('listener', ['before', 'after']);
  stream.push();
  request('listener');
  expect([sent, stream.isQuiet]).toEqual([[], false]);
  maySend = true;
  stream.push();
  expect(sent.splice(0)).toMatchObject([{ entries: [], removed: ['before'], nonce: '3' }]);
  request('listener', '3');
  expect(sent.flatMap(namesIn)).toEqual(['after']);
});

/** Versions of listeners by name. */
type World = Readonly<Record<string, number>>;

const world: fc.Arbitrary<World> = fc.dictionary(
  fc.constantFrom(...['check', 'egress'].flatMap((kind) => [0, 1, 2, 3].map((at) => `${kind}-${at}`))),
  fc.nat(2),
);

function listenersOf(versions: World): readonly NamedResource[] {
  return Object.entries(versions).map(([name, version]) =>
    listener(name, name.startsWith('check'), version + 1),
  );
}

function versionsOf(listeners: readonly NamedResource[]): Map<string, string> {
  return new Map(listeners.map((one) => [one.name, encodeResource(one).version]));
}

/**
 * Connects an Envoy that has a world which nobody knows any more, and accepts all that comes: with each step it must have
 * what its outer listeners need.
 */
function connectsAgain(former: World, next: World): void {
  let nowMs = 0;
  performance.now = () => nowMs;
  newStream();
  const has = versionsOf(listenersOf(former));
  const wanted = versionsOf(listenersOf(next));
  const known = listenersOf(next).map((resource) => ({ encoded: encodeResource(resource), resource }));
  book.want('listener', new Map(known.map((one) => [one.resource.name, one])));
  const lacked = (kind: 'check' | 'egress', isThere: (name: string) => boolean): readonly string[] =>
    [...wanted.keys()].filter((name) => name.startsWith(kind) && !isThere(name));
  const step = (response: DeltaResponse): void => {
    const names = namesIn(response);
    if (names.some((name) => name.startsWith('egress')))
      expect(lacked('check', (name) => has.has(name))).toEqual([]);
    if (response.removed.some((name) => name.startsWith('check'))) {
      expect(lacked('egress', (name) => has.get(name) === wanted.get(name))).toEqual([]);
      expect(nowMs).toBe(DRAIN_MS);
    }
    for (const name of response.removed) has.delete(name);
    for (const name of names) has.set(name, wanted.get(name) ?? '');
  };
  request('cluster');
  request('listener', '', Object.fromEntries(has));
  acceptAll(step);
  nowMs = DRAIN_MS;
  stream.push();
  acceptAll(step);
  expect(has).toEqual(wanted);
}

test('an Envoy that connects again never has an outer listener without those that it leads to', () => {
  const notEmpty = world.filter((versions) => Object.keys(versions).length > 0);
  fc.assert(fc.property(notEmpty, world, connectsAgain), { seed: SEED, numRuns: RUNS });
});
