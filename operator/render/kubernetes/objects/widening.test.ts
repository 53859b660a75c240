import { clusterState } from '../../../../test/fixtures/cluster-fixture.ts';
import { workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import type { TenantPolicy } from '../../../model/cluster-state.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';
import { findWidening } from './widening.ts';

const TEAMS = [workspaceManifest('team-a'), workspaceManifest('team-b')];

function tenant(spec: unknown, changes: Partial<TenantPolicy> = {}): TenantPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    namespace: 'team-a',
    name: 'tenant',
    spec,
    ...changes,
  };
}

function widening(...tenantPolicies: readonly TenantPolicy[]): unknown {
  return Object.fromEntries(findWidening(clusterState(TEAMS, { tenantPolicies })));
}

function lanes(operator: string, ...values: readonly string[]): unknown {
  return { matchExpressions: [{ key: LANE_LABEL, operator, values }] };
}

const lane = (name: string): unknown => ({ matchLabels: { [LANE_LABEL]: name } });
const OPEN = ['full', 'dry-run', 'sealed-dry-run'];
const allowing = (peer: unknown, podSelector: unknown = {}): unknown => ({
  podSelector,
  policyTypes: ['Egress'],
  egress: [{ to: [peer] }],
});

describe('findWidening() names a KubeNetworkPolicy', () => {
  it.each<[string, unknown]>([
    ['with a rule for every destination', { podSelector: {}, egress: [{}] }],
    ['with an empty list of peers', { podSelector: {}, egress: [{ to: [], ports: [{ port: 443 }] }] }],
    ['with addresses', allowing({ ipBlock: { cidr: '203.0.113.0/24' } })],
    ['with Namespaces', allowing({ namespaceSelector: {}, podSelector: lane('sealed') })],
    ['with any pod of its own', allowing({ podSelector: {} })],
    ['with pods that may be open', allowing({ podSelector: { matchLabels: { app: 'web' } } })],
    ['with open pods', allowing({ podSelector: lanes('In', 'sealed', 'dry-run') })],
    ['that shuts out too few lanes', allowing({ podSelector: lanes('NotIn', 'full', 'dry-run') })],
    ['that lets sealed pods to enforced ones', allowing({ podSelector: lane('enforced') })],
    ['of open and other pods', allowing({ ipBlock: { cidr: '::/0' } }, lanes('In', 'full', 'enforced'))],
    ['of all but enforced pods', allowing({ podSelector: lane('enforced') }, lanes('NotIn', 'enforced'))],
    [
      'whose second peer is too much',
      { podSelector: {}, egress: [{ to: [{ podSelector: lane('sealed') }, {}] }] },
    ],
  ])('%s', (_, spec) => {
    expect(widening(tenant(spec))).toEqual({ 'team-a': ['NetworkPolicy "tenant"'] });
  });
});

describe('findWidening() says nothing of a KubeNetworkPolicy', () => {
  it.each<[string, unknown]>([
    ['for ingress', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] }],
    ['that shuts egress', { podSelector: {}, policyTypes: ['Egress'] }],
    ['to sealed pods of its own', allowing({ podSelector: lane('sealed') })],
    ['to pods without a lane', allowing({ podSelector: lanes('DoesNotExist') })],
    [
      'that shuts out all lanes but the strictest',
      allowing({ podSelector: lanes('NotIn', ...OPEN, 'enforced') }),
    ],
    ['from enforced pods to such', allowing({ podSelector: lanes('NotIn', ...OPEN) }, lane('enforced'))],
    ['of open pods only', allowing({ ipBlock: { cidr: '0.0.0.0/0' } }, lanes('In', ...OPEN))],
  ])('%s', (_, spec) => {
    expect(widening(tenant(spec))).toEqual({});
  });

  it('in a Namespace that is no workspace', () => {
    expect(widening(tenant({ podSelector: {}, egress: [{}] }, { namespace: 'elsewhere' }))).toEqual({});
  });
});

describe('findWidening() names rules of network plugins', () => {
  const cilium = { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy' };
  const global = { apiVersion: 'crd.projectcalico.org/v1', kind: 'GlobalNetworkPolicy', namespace: '' };

  it('whatever they say, cluster-wide ones for every workspace, in order', () => {
    expect(widening(tenant({}, global), tenant({}, cilium))).toEqual({
      'team-a': ['CiliumNetworkPolicy "tenant"', 'GlobalNetworkPolicy "tenant"'],
      'team-b': ['GlobalNetworkPolicy "tenant"'],
    });
  });
});
