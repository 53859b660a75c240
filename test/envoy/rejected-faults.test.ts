// Each kind of resource is rejected by a real Envoy while a probe asks a hundred times a second: what is rejected stays as
// it was, or closes where that would allow more than it should; everything beside it goes on, and nobody is let through who
// must not be. Of what the gateway renders Envoy rejects listeners whose port is taken and odd certificates; the other
// resources are the test's own. SEED chooses order and whose; RUNS how often.
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import fc from 'fast-check';
import type { ClassifiedNames } from '../../operator/render/envoy/destination-classes.ts';
import type { EnvoyConfig, Json, RoutedListener } from '../../operator/render/envoy/envoy-config.ts';
import {
  type EgressEnvoy,
  type EnvoyFixture,
  egressListener,
  envoyFixture,
  joinConfigs,
  routeTable,
  tunnelCheck,
} from '../support/envoy/envoy-fixture.ts';
import { FaultProbe, PATIENCE_MS, type Reached, type Watched } from '../support/envoy/fault-probe.ts';
import { FaultTable } from '../support/envoy/fault-table.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

const SEED = Number(process.env['SEED'] ?? 20_261);
const RUNS = Number(process.env['RUNS'] ?? 0);
const TIMES = Math.max(1, Math.ceil(RUNS / 10));
const LIMIT_MS = 120_000 + TIMES * 60_000;

const NAMES = ['/always', '/even', '/odd', '/more', '/never'];
const OWNERS = ['a', 'b'];

const FAULTS = [
  'a table that revokes',
  'a table that allows more',
  'a cluster',
  'a tunnel check',
  'a listener',
  'a listener whose port is taken',
] as const;
type Fault = (typeof FAULTS)[number];

interface Asked extends Watched {
  readonly port: number;
}

let fixture: EnvoyFixture;
let egress: EgressEnvoy;
let server: Server;
let ports: number[];
let probe: FaultProbe<Asked>;
/** Names that each owner may reach. */
let allowed: Readonly<Record<string, readonly string[]>> = {
  a: ['/always', '/even'],
  b: ['/always', '/even'],
};
const table = new FaultTable();

beforeAll(async () => {
  server = createServer((_request, response) => response.end('reached'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  fixture = await envoyFixture();
  // What was rejected is offered again with each call.
  egress = fixture.egress({ delivery: { retryMs: 0 } });
  ports = await freePorts(3);
  const watched = OWNERS.flatMap((workspace, at) =>
    NAMES.map((name) => ({ name, workspace, way: 'http', port: ports[at] ?? 0 })),
  );
  expect(await egress.apply(world())).toEqual({ status: 'applied' });
  probe = new FaultProbe(watched, reach);
  wantAllowed();
  await probe.settled();
}, 60_000);

afterAll(async () => {
  await probe.stop();
  await fixture.remove();
  server.close();
  if (RUNS > 0) process.stderr.write(table.text);
});

function reach({ name, port }: Asked): Promise<Reached> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: name, agent: false, timeout: PATIENCE_MS });
    asked.on('response', (response) => {
      response.resume();
      resolve({ isReached: response.statusCode === 200, why: `${response.statusCode}` });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (error) => resolve({ isReached: false, why: error.message }));
    asked.end();
  });
}

function wantAllowed(but: Readonly<Record<string, readonly string[]>> = {}): void {
  probe.want(({ workspace, name }) => (but[workspace] ?? allowed[workspace] ?? []).includes(name));
}

/** Its names lead to the server, all others nowhere; `edition` changes nothing that anybody could notice. */
function partsOf(owner: string, port: number, edition = 0): EnvoyConfig {
  const names = allowed[owner] ?? [];
  const { address, port: serverPort } = server.address() as AddressInfo;
  const endpoint = { address: { socket_address: { address, port_value: serverPort } } };
  const cluster = {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name: `server-${owner}`,
    connect_timeout: `${edition + 1}s`,
    load_assignment: { cluster_name: `server-${owner}`, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
  const routes = names.map((path) => ({ match: { path }, route: { cluster: `server-${owner}` } }));
  const domains = { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] };
  const made = routeTable(`table.${owner}`, '', `server-${owner}`);
  const listener = egressListener(fixture.directory, `listener-${owner}`, port, `table.${owner}`);
  return {
    internalListeners: [tunnelCheck(`check-${owner}`, edition)],
    clusters: [{ name: `server-${owner}`, body: cluster }],
    routeTables: [{ ...made, body: { ...made.body, ...domains }, classes: classesOf(names) }],
    egressListeners: [{ ...listener, body: { ...listener.body, ...editionOf(edition) } }],
  };
}

function editionOf(edition: number): Json {
  return { stat_prefix: `edition-${edition}` };
}

function classesOf(names: readonly string[]): readonly ClassifiedNames[] {
  const internetPorts = [{ port: 443, protocol: 'TLS' as const }];
  const kind = 'allowed' as const;
  const all = { kind, commonPorts: [], internetPorts, addressRanges: [] };
  return [{ class: all, patterns: names.map((name) => `${name.slice(1)}.example`) }];
}

function world(edition = 0): EnvoyConfig {
  return joinConfigs(...OWNERS.map((owner, at) => partsOf(owner, ports[at] ?? 0, edition)));
}

/** The first of these that is of this owner, with something in its body that Envoy rejects. */
function spoiled<One extends { readonly name: string; readonly body: Json }>(
  resources: readonly One[],
  owner: string,
  body: Json,
): readonly One[] {
  return resources.map((one) =>
    one.name.endsWith(owner) ? { ...one, body: { ...one.body, ...body } } : one,
  );
}

const TWO_WILDCARDS = { virtual_hosts: [{ name: 'all', domains: ['*', '*'], routes: [] }] };
const NO_SUCH_FILTER = { name: 'nonsense' };

function worldWith(fault: Fault, owner: string, edition: number): EnvoyConfig {
  const wanted = world(edition);
  const { clusters, routeTables, internalListeners, egressListeners } = wanted;
  switch (fault) {
    case 'a table that revokes':
    case 'a table that allows more':
      return { ...wanted, routeTables: spoiled(routeTables, owner, TWO_WILDCARDS) };
    case 'a cluster':
      return { ...wanted, clusters: spoiled(clusters, owner, { cluster_type: NO_SUCH_FILTER }) };
    case 'a tunnel check': {
      const body = { filter_chains: [{ filters: [NO_SUCH_FILTER] }] };
      return { ...wanted, internalListeners: spoiled(internalListeners, owner, body) };
    }
    case 'a listener': {
      const body = { listener_filters: [NO_SUCH_FILTER] };
      return { ...wanted, egressListeners: spoiled<RoutedListener>(egressListeners, owner, body) };
    }
    case 'a listener whose port is taken':
      return joinConfigs(wanted, partsOf('c', ports[2] ?? 0));
  }
}

/** What becomes of the owner's names meanwhile, where that is not what is wanted. */
function meanwhile(fault: Fault, owner: string, before: readonly string[]): typeof allowed {
  if (fault === 'a table that revokes') return { [owner]: [] };
  return fault === 'a table that allows more' ? { [owner]: before } : {};
}

/** Every owner loses a name and gets another one, but for one who only gets more. */
function edit(fault: Fault, owner: string): void {
  const changed = (names: readonly string[], whose: string): readonly string[] => {
    if (fault === 'a table that allows more' && whose === owner) return [...names, '/more'];
    return ['/always', names.includes('/even') ? '/odd' : '/even'];
  };
  allowed = Object.fromEntries(
    Object.entries(allowed).map(([whose, names]) => [whose, changed(names, whose)]),
  );
}

async function happens(fault: Fault, owner: string, edition: number): Promise<void> {
  const thief = createTcpServer().listen(ports[2], '127.0.0.1');
  await once(thief, 'listening');
  const before = allowed[owner] ?? [];
  edit(fault, owner);
  wantAllowed(meanwhile(fault, owner, before));
  const result = await egress.apply(worldWith(fault, owner, edition));
  expect(result).toMatchObject({ status: 'heldBack' });
  await probe.settled();
  await probe.asked();
  wantAllowed();
  await until('all is in force', async () => (await egress.apply(world(edition))).status === 'applied');
  await probe.settled();
  await probe.asked();
  await once(thief.close(), 'close');
  table.add(`rejected: ${fault}`, probe.take());
  expect(probe.faults).toEqual([]);
}

const happenings = fc.sample(
  fc.tuple(fc.shuffledSubarray([...FAULTS], { minLength: FAULTS.length }), fc.constantFrom(...OWNERS)),
  { seed: SEED, numRuns: TIMES },
);

test(
  'what Envoy rejects of egress',
  async () => {
    for (const [time, [faults, owner]] of happenings.entries())
      for (const [at, fault] of faults.entries()) await happens(fault, owner, 1 + time * FAULTS.length + at);
  },
  LIMIT_MS,
);
