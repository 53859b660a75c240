import type { DestinationGroup, EgressTable } from '../../model/egress-table.ts';
import type { GatewaySettings } from './envoy-config.ts';
import { privateGuardName, rawGuardName, shardOf, tlsGuardName } from './guard-names.ts';
import { renderEnvoy } from './render-envoy.ts';
import { spreadTables } from './spread-table.ts';
import { cutTunnels, NO_TUNNELS, nextTunnelMemory, type TunnelMemory } from './tunnel-memory.ts';

const SETTINGS = {
  directory: '/run/sallyport',
  resolvers: [],
  openRanges: [],
  denyRanges: [],
  ownAddresses: [],
  ownPlaces: [],
  maxConnectionsPerEntrance: 100,
  maxConnections: 60_000,
  envoyMemoryBytes: 1e9,
} as unknown as GatewaySettings;
const NAME = 'acme-1';
const GUARD = tlsGuardName(NAME, 0);

function tableOf(...names: readonly string[]): EgressTable {
  const ports: DestinationGroup['ports'] = [{ port: 5432, protocol: 'TCP' }];
  const source = { source: 'NetworkPolicy/acme', ports };
  const groups: DestinationGroup[] = [
    { ...source, list: 'allowedInternetDestinations', names: [...names] },
    { ...source, list: 'privateEndpoints', names: ['db.example.com'], addressRanges: ['10.0.0.0/8'] },
  ];
  const spec = { networkPolicyId: 'acme', revision: 'r1', groups: names.length === 0 ? [] : groups };
  return { kind: 'EgressTable', metadata: { name: NAME }, spec };
}

/** Every guard has tunnels. */
function render(before: TunnelMemory, table: EgressTable) {
  const next = nextTunnelMemory(before, spreadTables([table], 0), 0);
  const revoked = Object.entries(next.revoked);
  const seen = revoked.map(([guard, revocation]) => ({ guard, revocation, hasTunnels: true }));
  const tunnels = cutTunnels(next, seen);
  const input = { tables: [table], entrances: [], settings: SETTINGS, atMs: 0 };
  const guards = new Map(renderEnvoy(input, tunnels).guards.map(({ name, body }) => [name, body]));
  return { tunnels, guards };
}

it('renderEnvoy() gives each table one way out, which its guards use', () => {
  const tables = [tableOf('a.example.com'), { ...tableOf(), metadata: { name: 'other-1' } }];
  const config = renderEnvoy({ tables, entrances: [], settings: SETTINGS, atMs: 0 });
  const ways = config.clusters.map(({ name }) => name).filter((name) => name.startsWith('forward-'));
  const ofEndpoint = ways.filter((name) => name.startsWith('forward-private-'));
  expect(ways).toEqual(['forward-dry-run', `forward-${NAME}`, 'forward-other-1', ...ofEndpoint]);
  expect(ofEndpoint).toHaveLength(1);
  const guard = JSON.stringify(config.guards.find(({ name }) => name === GUARD));
  expect(guard).toContain(`"cluster":"forward-${NAME}"`);
  expect(guard).not.toContain('other-1');
});

const many = (count: number) => Array.from({ length: count }, (_, at) => `a${at}.example.com`);

describe('renderEnvoy() of guards', () => {
  it('changes nothing where a name comes, and no other guard than that of a name that goes', () => {
    const names = many(70);
    const first = render(NO_TUNNELS, tableOf(...names));
    const added = render(first.tunnels, tableOf(...names, 'more.example.com'));
    expect(added.guards).toEqual(first.guards);
    const removed = render(added.tunnels, tableOf(...names));
    const cut = ['guard', 'raw'].map((kind) => `${kind}-${NAME}-${shardOf('more.example.com', 2)}`);
    const changed = [...removed.guards.keys()].filter(
      (name) => JSON.stringify(removed.guards.get(name)) !== JSON.stringify(first.guards.get(name)),
    );
    expect(changed).toEqual(cut);
  });

  it('keeps guards that have tunnels, where a table shrinks or its names go', () => {
    const first = render(NO_TUNNELS, tableOf(...many(130)));
    const last = rawGuardName(NAME, 3);
    const ofEndpoint = privateGuardName('tls', ['10.0.0.0/8']);
    expect([...first.guards.keys()]).toEqual(expect.arrayContaining([GUARD, last, ofEndpoint]));
    const shrunk = render(first.tunnels, tableOf(...many(1)));
    expect([...shrunk.guards.keys()]).toEqual([...first.guards.keys()]);
    const empty = render(first.tunnels, tableOf());
    expect([...empty.guards.keys()]).toEqual([...first.guards.keys()]);
  });

  it('marks a cut in every filter chain of the guard', () => {
    const first = render(NO_TUNNELS, tableOf('a.example.com'));
    const second = render(first.tunnels, tableOf('b.example.com'));
    const metadata = { filter_metadata: { sallyport: { generation: 1 } } };
    expect(second.guards.get(GUARD)).toMatchObject({
      filter_chains: [
        { name: 'allow', metadata },
        { name: 'mismatch', metadata },
        { name: 'not-tls', metadata },
      ],
    });
  });
});
