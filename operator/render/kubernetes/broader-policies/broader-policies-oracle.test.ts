// Generated KubeNetworkPolicies of tenants, judged by findBroaderPolicies() and, independently, by what pods may reach
// with and without them: what it says nothing of adds nothing.
import fc from 'fast-check';
import { CLUSTER_SETTINGS, clusterState, stampedPod } from '../../../../test/fixtures/cluster-fixture.ts';
import { type End, mayReach, type Pod, type Target } from '../../../../test/fixtures/may-reach.ts';
import { policyManifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import { LANES } from '../../../model/lane.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';
import { GATEWAY_LABEL, GATEWAY_NAME, SYSTEM_NAMESPACE } from '../../../model/system-names.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../../pipeline.ts';
import { findBroaderPolicies } from './find-broader-policies.ts';

const SEED = 20_261_128;
const RUNS = 2000;

const lanes = fc.constantFrom<string>(...LANES, 'made-up');
const expressions = fc.oneof(
  fc.record({
    key: fc.constant(LANE_LABEL),
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.uniqueArray(lanes, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ key: fc.constantFrom(LANE_LABEL, 'app'), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);
const selectors = fc.oneof(
  fc.constant({}),
  lanes.map((lane) => ({ matchLabels: { [LANE_LABEL]: lane } })),
  fc.constant({ matchLabels: { app: 'web' } }),
  fc.array(expressions, { minLength: 1, maxLength: 2 }).map((matchExpressions) => ({ matchExpressions })),
);
const blocks = fc.constantFrom(
  { cidr: '0.0.0.0/0' },
  { cidr: '::/0' },
  { cidr: '203.0.113.0/24' },
  { cidr: '169.254.0.0/16' },
  { cidr: '169.254.169.254/32' },
  { cidr: '169.254.0.0/16', except: ['169.254.169.0/24'] },
  { cidr: '169.254.0.0/16', except: ['169.254.0.0/17', '169.254.128.0/17'] },
  { cidr: 'fd00::/8' },
);
const peers = fc.oneof(
  selectors.map((podSelector) => ({ podSelector })),
  selectors.map((podSelector) => ({ podSelector, namespaceSelector: {} })),
  fc.constant({ namespaceSelector: {} }),
  blocks.map((ipBlock) => ({ ipBlock })),
);
const ports = fc.constantFrom(
  undefined,
  [{ port: 80 }],
  [{ port: 10_000, endPort: 20_000 }],
  [{ port: 8081 }],
);
const rules = (side: 'to' | 'from') =>
  fc.array(fc.record({ [side]: fc.option(fc.array(peers, { maxLength: 2 }), { nil: undefined }), ports }), {
    maxLength: 2,
  });
const policies = fc.record({
  namespace: fc.constantFrom('team', 'team', 'team', 'elsewhere', SYSTEM_NAMESPACE),
  podSelector: selectors,
  policyTypes: fc.constantFrom(['Egress'], ['Egress', 'Ingress'], ['Ingress']),
  egress: rules('to'),
  ingress: rules('from'),
});

const MANIFESTS = [policyManifest('default-policy'), workspaceManifest('team'), workspaceManifest('other')];
const PODS = ['team', 'other'].flatMap((name) =>
  ['dry-run', 'sealed-dry-run'].map((lane) => stampedPod(name, lane)),
);

const STATE = clusterState(MANIFESTS, { pods: PODS });
const HELD = operatorOutputs(STATE, CLUSTER_SETTINGS, NOTHING_REMEMBERED);

function isNamed({ namespace, ...spec }: Tenant): boolean {
  const type = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };
  const tenantPolicies = [{ ...type, namespace, name: 'tenant', specs: [spec] }];
  return findBroaderPolicies({
    plans: HELD.plans,
    state: { ...STATE, tenantPolicies },
    systemNamespace: SYSTEM_NAMESPACE,
  }).has('team');
}

type Tenant = typeof policies extends fc.Arbitrary<infer Value> ? Value : never;

const podsOf = (namespace: string): readonly Pod[] =>
  ['dry-run', 'sealed-dry-run', 'enforced', 'sealed', undefined].flatMap((lane) =>
    [{}, { app: 'web' }].map((labels) => ({
      namespace,
      labels: lane === undefined ? labels : { ...labels, [LANE_LABEL]: lane },
    })),
  );
const GATEWAY: Pod = { namespace: SYSTEM_NAMESPACE, labels: { [GATEWAY_LABEL]: GATEWAY_NAME } };
const FULL: Pod = { namespace: 'team', labels: { [LANE_LABEL]: 'full' } };
const STRANGERS: readonly Pod[] = [
  { namespace: 'elsewhere', labels: {} },
  { namespace: 'elsewhere', labels: { app: 'web', [LANE_LABEL]: 'enforced' } },
  { namespace: SYSTEM_NAMESPACE, labels: {} },
];
const ADDRESSES: readonly End[] = [
  '203.0.113.7',
  '169.254.169.254',
  '169.254.170.2',
  '2001:db8::7',
  'fd00:ec2::254',
  '10.1.2.3',
].map((address) => ({ address }));

/** Ways that a workspace is held from, and others' ways into its lanes. */
const WAYS: readonly (readonly [from: Pod, target: Target])[] = [
  ...podsOf('team').flatMap((from) =>
    [...podsOf('team'), ...podsOf('other'), FULL, ...STRANGERS, ...ADDRESSES].map(
      (to) => [from, { to, port: 80, protocol: 'TCP' }] as const,
    ),
  ),
  ...[...podsOf('team'), ...podsOf('other'), FULL, ...STRANGERS].flatMap((from) =>
    [10_000, 10_008, 10_016].map((port) => [from, { to: GATEWAY, port, protocol: 'TCP' }] as const),
  ),
];

test('findBroaderPolicies() names every KubeNetworkPolicy that lets a pod of the workspace go, or another into its lanes', () => {
  const held = HELD.objects;
  const shutWays = WAYS.filter((way) => !mayReach(held, ...way));
  const seen = { silent: 0, opening: 0 };
  fc.assert(
    fc.property(policies, (policy) => {
      const { namespace, ...spec } = policy;
      const object = {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { namespace },
        spec,
      };
      const opened = shutWays.find((way) => mayReach([...held, object], ...way));
      if (opened !== undefined) seen.opening += 1;
      if (isNamed(policy)) return;
      seen.silent += 1;
      expect(opened).toBeUndefined();
    }),
    { numRuns: RUNS, seed: SEED },
  );
  // Both kinds occur often, or this would show nothing.
  expect(seen.silent).toBeGreaterThan(RUNS / 10);
  expect(seen.opening).toBeGreaterThan(RUNS / 10);
});
