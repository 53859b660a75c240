import fc from 'fast-check';
import { GATEWAY_SETTINGS } from '../../../test/fixtures/gateway-settings.ts';
import { laneListeners } from '../../gateway/ports/lane-listeners.ts';
import type { DestinationGroup, EgressTable } from '../../model/egress-table.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { renderEnvoy } from './render-envoy.ts';
import { privateCheckName, rawCheckName, shardOf, tlsCheckName } from './resource-names.ts';
import { spreadTables } from './spread-table.ts';
import { closeTunnels, NO_TUNNELS, nextTunnelMemory, type TunnelMemory } from './tunnel-memory.ts';

const NAME = 'acme-1';
const CHECK = tlsCheckName(NAME, 0);

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

/** Every tunnel check has tunnels. */
function render(before: TunnelMemory, table: EgressTable) {
  const next = nextTunnelMemory(before, spreadTables([table], 0), 0);
  const revoked = Object.entries(next.revoked);
  const seen = revoked.map(([tunnelCheck, revocation]) => ({ tunnelCheck, revocation, hasTunnels: true }));
  const tunnels = closeTunnels(next, seen);
  const input = { tables: [table], egressListeners: [], settings: GATEWAY_SETTINGS, atMs: 0 };
  const internalListeners = new Map(
    renderEnvoy(input, tunnels).internalListeners.map(({ name, body }) => [name, body]),
  );
  return { tunnels, internalListeners };
}

it('renderEnvoy() gives each table one way out, which its tunnel checks use', () => {
  const tables = [tableOf('a.example.com'), { ...tableOf(), metadata: { name: 'other-1' } }];
  const config = renderEnvoy({ tables, egressListeners: [], settings: GATEWAY_SETTINGS, atMs: 0 });
  const ways = config.clusters.map(({ name }) => name).filter((name) => name.startsWith('forward-'));
  const ofEndpoint = ways.filter((name) => name.startsWith('forward-private-'));
  expect(ways).toEqual([`forward-${NAME}`, 'forward-other-1', ...ofEndpoint]);
  expect(ofEndpoint).toHaveLength(1);
  const tunnelCheck = JSON.stringify(config.internalListeners.find(({ name }) => name === CHECK));
  expect(tunnelCheck).toContain(`"cluster":"forward-${NAME}"`);
  expect(tunnelCheck).not.toContain('other-1');
});

const PLAN: WorkspacePlan = {
  kind: 'WorkspacePlan',
  metadata: { name: 'team' },
  spec: { workspaceId: '1', networkPolicyId: 'acme', revision: '1', table: NAME, products: [] },
};

function rendered(lane: 'enforced' | 'dry-run', laneAddresses: readonly string[]) {
  const lanes = [{ lane, firstPort: 10_000 }];
  const config = renderEnvoy({
    tables: [tableOf('a.example.com')],
    egressListeners: laneListeners([{ ...PLAN, spec: { ...PLAN.spec, lanes } }], '127.0.0.1'),
    settings: GATEWAY_SETTINGS,
    laneAddresses,
    atMs: 0,
  });
  return [...config.clusters, ...config.internalListeners];
}

const ofDryRun = (found: ReturnType<typeof rendered>) => found.filter(({ name }) => name.includes('dry-run'));

it('renderEnvoy() has a way out for dry-run where a lane is in dry-run', () => {
  expect(ofDryRun(rendered('enforced', []))).toEqual([]);
  expect(ofDryRun(rendered('dry-run', [])).length).toBeGreaterThan(0);
});

it('renderEnvoy() gives the very same ways out for equal addresses of lanes, and denies each of them', () => {
  const [one, same] = [
    rendered('dry-run', ['10.96.0.7', 'fd00::7']),
    rendered('dry-run', ['10.96.0.7', 'fd00::7']),
  ];
  expect(ofDryRun(one).map(({ body }) => same.some((other) => other.body === body))).not.toContain(false);
  const more = JSON.stringify(ofDryRun(rendered('dry-run', ['10.96.0.7', 'fd00::7', '10.99.0.9'])));
  for (const address of ['10.96.0.7', 'fd00::7', '10.99.0.9']) expect(more).toContain(`"${address}"`);
  expect(JSON.stringify(ofDryRun(one))).not.toContain('10.99.0.9');
});

/** Names that could be taken for those of other resources. */
const workspaceName = fc.stringMatching(/^(?:tls-|proxy-|sni-router-|443-|8443-){0,2}(?:team|acme-1)$/);

it('renderEnvoy() gives no two resources one name, whatever workspaces are called', () => {
  const lanes: WorkspacePlan['spec']['lanes'] = [
    { lane: 'enforced', firstPort: 10_000, tlsPorts: [{ port: 8443, offset: 4 }] },
  ];
  fc.assert(
    fc.property(fc.uniqueArray(workspaceName, { minLength: 2 }), (workspaces) => {
      const plans = workspaces.map((name): WorkspacePlan => {
        const spec = { workspaceId: name, networkPolicyId: 'acme', revision: '1', table: NAME, products: [] };
        return { kind: 'WorkspacePlan', metadata: { name }, spec: { ...spec, lanes } };
      });
      const egressListeners = laneListeners(plans, '127.0.0.1');
      const config = renderEnvoy({
        tables: [tableOf('a.example.com')],
        egressListeners,
        settings: GATEWAY_SETTINGS,
        atMs: 0,
      });
      const names = [...config.internalListeners, ...config.egressListeners].map(({ name }) => name);
      expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
    }),
    { seed: 12, numRuns: 300 },
  );
});

const many = (count: number) => Array.from({ length: count }, (_, at) => `a${at}.example.com`);

describe('renderEnvoy() of tunnel checks', () => {
  it('changes nothing where a name comes, and no other tunnel check than that of a name that goes', () => {
    const names = many(70);
    const first = render(NO_TUNNELS, tableOf(...names));
    const added = render(first.tunnels, tableOf(...names, 'more.example.com'));
    expect(added.internalListeners).toEqual(first.internalListeners);
    const removed = render(added.tunnels, tableOf(...names));
    const closed = ['check-tls', 'check-raw'].map(
      (kind) => `${kind}-${NAME}-${shardOf('more.example.com', 2)}`,
    );
    const changed = [...removed.internalListeners.keys()].filter(
      (name) =>
        JSON.stringify(removed.internalListeners.get(name)) !==
        JSON.stringify(first.internalListeners.get(name)),
    );
    expect(changed).toEqual(closed);
  });

  it('keeps tunnel checks that have tunnels, where a table shrinks or its names go', () => {
    const first = render(NO_TUNNELS, tableOf(...many(130)));
    const last = rawCheckName(NAME, 3);
    const ofEndpoint = privateCheckName('tls', ['10.0.0.0/8']);
    expect([...first.internalListeners.keys()]).toEqual(expect.arrayContaining([CHECK, last, ofEndpoint]));
    const shrunk = render(first.tunnels, tableOf(...many(1)));
    expect([...shrunk.internalListeners.keys()]).toEqual([...first.internalListeners.keys()]);
    const empty = render(first.tunnels, tableOf());
    expect([...empty.internalListeners.keys()]).toEqual([...first.internalListeners.keys()]);
  });

  it('marks a revocation in every filter chain of the tunnel check', () => {
    const first = render(NO_TUNNELS, tableOf('a.example.com'));
    const second = render(first.tunnels, tableOf('b.example.com'));
    const metadata = { filter_metadata: { sallyport: { generation: 1 } } };
    expect(second.internalListeners.get(CHECK)).toMatchObject({
      filter_chains: [
        { name: 'allow', metadata },
        { name: 'mismatch', metadata },
        { name: 'not-tls', metadata },
      ],
    });
  });
});
