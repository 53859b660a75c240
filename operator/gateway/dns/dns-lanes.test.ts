import type { EgressTable } from '../../model/egress-table.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';
import { dnsLanes } from './dns-lanes.ts';

const EXPIRES_AT = '2026-06-01T00:00:00Z';
const BEFORE_MS = Date.parse(EXPIRES_AT) - 1;

const TABLE: EgressTable = {
  kind: 'EgressTable',
  metadata: { name: 'acme' },
  spec: {
    networkPolicyId: 'acme',
    revision: 'r1',
    groups: [
      {
        list: 'allowedInternetDestinations',
        source: 'NetworkPolicy/acme',
        ports: [],
        expiresAt: EXPIRES_AT,
        names: ['example.com'],
      },
    ],
  },
};
const LANES = [
  { lane: 'enforced' as const, firstPort: 10_000, serviceAddresses: ['10.0.0.9', 'fd00::9'] },
  { lane: 'dry-run' as const, firstPort: 10_008 },
];
const PLAN: WorkspacePlan = {
  kind: 'WorkspacePlan',
  metadata: { name: 'lab' },
  spec: {
    workspaceId: 'id',
    networkPolicyId: 'acme',
    revision: 'p',
    table: 'acme',
    products: [],
    lanes: LANES,
  },
};
const COMPILED = { tables: [TABLE], plans: [PLAN] };

function egressListenerOf(
  lane: EgressListener['lane'],
  port: number,
  more: Partial<EgressListener> = {},
): EgressListener {
  const base = { workspace: 'lab', workspaceId: 'id', networkPolicyId: 'acme', table: 'acme' };
  return { name: `lab.${lane}`, ...base, lane, address: '0.0.0.0', port, tlsPorts: [], ...more };
}

const ENFORCED = egressListenerOf('enforced', 10_000);

test('dnsLanes() leads to the Service of the lane, or to the egress listener where each product has its own', () => {
  const own = egressListenerOf('sealed', 10_016, { address: '127.0.0.1', product: 'JOBS' });
  const egressListeners = [ENFORCED, egressListenerOf('dry-run', 10_008), own];
  expect(dnsLanes(egressListeners, COMPILED, BEFORE_MS)).toMatchObject([
    { egressListener: ENFORCED, port: 10_003, addresses: ['10.0.0.9', 'fd00::9'] },
    { port: 10_011, addresses: [] },
    { port: 10_019, addresses: ['127.0.0.1'] },
  ]);
});

test('dnsLanes() makes a table ready once, and again when an entry expires or the content changes', () => {
  const other = { ...TABLE, spec: { ...TABLE.spec, revision: 'r2' } };
  const index = (table: EgressTable, atMs: number) =>
    dnsLanes([ENFORCED], { ...COMPILED, tables: [table] }, atMs)[0]?.index;
  const first = index(TABLE, BEFORE_MS);
  expect(index(TABLE, BEFORE_MS)).toBe(first);
  expect(index(other, BEFORE_MS)).not.toBe(first);
  expect(first?.byPattern.has('example.com')).toBe(true);
  expect(index(other, BEFORE_MS + 1)?.byPattern.has('example.com')).toBe(false);
});

test('dnsLanes() denies everything where the table is not there', () => {
  const [lane] = dnsLanes([ENFORCED], { ...COMPILED, tables: [] }, BEFORE_MS);
  expect(lane?.index.table.denyReason).toBe('POLICY_UNREADABLE');
});
