import { CLUSTER_SETTINGS, clusterState } from '../../../../test/fixtures/cluster-fixture.ts';
import { policyManifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import type { TenantPolicy } from '../../../model/cluster-state.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';
import { SYSTEM_NAMESPACE } from '../../../model/system-names.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../../pipeline.ts';

const TEAMS = [workspaceManifest('team-a'), workspaceManifest('team-b')];

function tenant(spec: unknown, changes: Partial<TenantPolicy> = {}): TenantPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    namespace: 'team-a',
    name: 'tenant',
    specs: [spec],
    ...changes,
  };
}

function broaderPolicies(
  ...tenantPolicies: readonly TenantPolicy[]
): Readonly<Record<string, readonly string[]>> {
  const namespaces = ['team-a', 'team-b', SYSTEM_NAMESPACE].map((name) => ({ name, labels: { team: name } }));
  const state = clusterState(TEAMS, { tenantPolicies, namespaces });
  return Object.fromEntries(operatorOutputs(state, CLUSTER_SETTINGS, NOTHING_REMEMBERED).broaderPolicies);
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

describe('findBroaderPolicies() names a KubeNetworkPolicy', () => {
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
      'that opens cloud metadata to open pods',
      allowing({ ipBlock: { cidr: '0.0.0.0/0' } }, lanes('In', ...OPEN)),
    ],
    [
      'that opens one metadata service to them',
      allowing({ ipBlock: { cidr: '169.254.169.254/32' } }, lane('dry-run')),
    ],
    [
      'that leaves out too little',
      allowing({ ipBlock: { cidr: '169.254.0.0/16', except: ['169.254.169.0/24'] } }, lane('dry-run')),
    ],
    ['that opens everything to them', { podSelector: lane('dry-run'), egress: [{}] }],
    [
      'whose second peer is too much',
      { podSelector: {}, egress: [{ to: [{ podSelector: lane('sealed') }, {}] }] },
    ],
  ])('%s', (_, spec) => {
    expect(broaderPolicies(tenant(spec))).toEqual({ 'team-a': ['networkpolicies.networking.k8s.io/tenant'] });
  });
});

describe('findBroaderPolicies() says nothing of a KubeNetworkPolicy', () => {
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
    ['of open pods only, to pods', allowing({ namespaceSelector: {} }, lanes('In', ...OPEN))],
    [
      'of open pods only, beside metadata',
      allowing({ ipBlock: { cidr: '203.0.113.0/24' } }, lane('dry-run')),
    ],
    [
      'of open pods only, that leaves metadata out',
      allowing({ ipBlock: { cidr: '169.254.0.0/16', except: ['169.254.0.0/16'] } }, lane('dry-run')),
    ],
    ['of pods in lane full', { podSelector: lane('full'), egress: [{}] }],
  ])('%s', (_, spec) => {
    expect(broaderPolicies(tenant(spec))).toEqual({});
  });

  it('in a Namespace that is no workspace', () => {
    expect(broaderPolicies(tenant({ podSelector: {}, egress: [{}] }, { namespace: 'elsewhere' }))).toEqual(
      {},
    );
  });
});

const AT_GATEWAYS = ['networkpolicies.networking.k8s.io/tenant at the gateways'];
const BOTH = { 'team-a': AT_GATEWAYS, 'team-b': AT_GATEWAYS };
const GATEWAY = { matchLabels: { 'app.kubernetes.io/name': 'sallyport-gateway' } };

describe('findBroaderPolicies() of a KubeNetworkPolicy beside the gateways,', () => {
  it.each<[string, unknown, unknown]>([
    ['that lets everybody in', { podSelector: {}, ingress: [{}] }, BOTH],
    ['at a port of lanes', { podSelector: GATEWAY, ingress: [{ ports: [{ port: 10_000 }] }] }, BOTH],
    [
      'at a range with such ports',
      { podSelector: GATEWAY, ingress: [{ ports: [{ port: 1, endPort: 9000 }] }] },
      BOTH,
    ],
    ['at a port by name', { podSelector: GATEWAY, ingress: [{ ports: [{ port: 'metrics' }] }] }, BOTH],
    ['at the port of metrics', { podSelector: GATEWAY, ingress: [{ ports: [{ port: 8081 }] }] }, {}],
    ['of other pods', { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'x' } }, ingress: [{}] }, {}],
    ['of egress', { podSelector: {}, egress: [{}] }, {}],
  ])('%s', (_, spec, wanted) => {
    expect(broaderPolicies(tenant(spec, { namespace: SYSTEM_NAMESPACE }))).toEqual(wanted);
  });
});

it('findBroaderPolicies() says nothing of a workspace whose policy holds nothing back', () => {
  const open = policyManifest('default-policy', { restrictionMode: 'FULL_ACCESS' });
  const tenantPolicies = [tenant({ podSelector: {}, egress: [{}] })];
  const state = clusterState([...TEAMS, open], { tenantPolicies });
  expect(operatorOutputs(state, CLUSTER_SETTINGS, NOTHING_REMEMBERED).broaderPolicies.size).toBe(0);
});

describe('findBroaderPolicies() of policies of plugins and administrators:', () => {
  const cilium = { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy' };
  const clusterwide = { ...cilium, kind: 'CiliumClusterwideNetworkPolicy', namespace: '' };
  const calico = { apiVersion: 'crd.projectcalico.org/v1', kind: 'GlobalNetworkPolicy', namespace: '' };
  const admin = {
    apiVersion: 'policy.networking.k8s.io/v1alpha1',
    kind: 'AdminNetworkPolicy',
    namespace: '',
  };
  const cluster = { ...admin, apiVersion: 'policy.networking.k8s.io/v1alpha2', kind: 'ClusterNetworkPolicy' };
  const antrea = { apiVersion: 'crd.antrea.io/v1beta1', kind: 'ClusterNetworkPolicy', namespace: '' };
  const world = { egress: [{ toEntities: ['world'] }] };
  const ofTeamB = { matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'team-b' } };
  const everybody = { egress: [{ action: 'Allow' }] };

  it.each<[string, Partial<TenantPolicy>, unknown, readonly string[]]>([
    ['Cilium, for its Namespace', cilium, { endpointSelector: {}, ...world }, ['team-a']],
    ['Cilium, for everybody', clusterwide, { endpointSelector: {}, ...world }, ['team-a', 'team-b']],
    ['Cilium, of one Namespace', clusterwide, { endpointSelector: ofTeamB, ...world }, ['team-b']],
    [
      'Cilium, of a lane',
      clusterwide,
      { endpointSelector: { matchLabels: { 'k8s:sallyport.dev/lane': 'full' } }, ...world },
      [],
    ],
    ['Cilium, of nodes', clusterwide, { nodeSelector: {}, ...world }, []],
    ['Cilium, that shuts', cilium, { endpointSelector: {}, egress: [{}] }, []],
    ['Cilium, that denies', cilium, { endpointSelector: {}, egressDeny: [{ toEntities: ['world'] }] }, []],
    [
      'Cilium, of ingress',
      clusterwide,
      { endpointSelector: ofTeamB, ingress: [{ fromEntities: ['all'] }] },
      [],
    ],
    [
      'Cilium, at the gateways',
      clusterwide,
      { endpointSelector: {}, ingress: [{ fromEntities: ['all'] }] },
      ['team-a', 'team-b'],
    ],
    ['Calico', calico, everybody, ['team-a', 'team-b']],
    ['Calico, Pass', calico, { egress: [{ action: 'Pass' }] }, ['team-a', 'team-b']],
    ['Calico, Deny', calico, { egress: [{ action: 'Deny' }] }, []],
    [
      'Calico, one Namespace',
      calico,
      { selector: "app == 'x' && projectcalico.org/namespace == 'team-b'", ...everybody },
      ['team-b'],
    ],
    [
      'Calico, one Namespace by its name',
      calico,
      { namespaceSelector: 'projectcalico.org/name == "team-a"', ...everybody },
      ['team-a'],
    ],
    [
      'Calico, one of two',
      calico,
      { selector: "projectcalico.org/namespace == 'x' || all()", ...everybody },
      ['team-a', 'team-b'],
    ],
    [
      'Calico, an equality in a value',
      calico,
      { selector: `app != "projectcalico.org/namespace == 'x'"`, ...everybody },
      ['team-a', 'team-b'],
    ],
    ['AdminNetworkPolicy', admin, { subject: { namespaces: {} }, ...everybody }, ['team-a', 'team-b']],
    [
      'AdminNetworkPolicy, of one',
      admin,
      { subject: { namespaces: { matchLabels: { team: 'team-b' } } }, ...everybody },
      ['team-b'],
    ],
    [
      'AdminNetworkPolicy, of pods of one',
      admin,
      {
        subject: {
          pods: {
            namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['team-b'] }] },
            podSelector: {},
          },
        },
        ...everybody,
      },
      ['team-a'],
    ],
    ['AdminNetworkPolicy, Pass', admin, { subject: { namespaces: {} }, egress: [{ action: 'Pass' }] }, []],
    [
      'ClusterNetworkPolicy',
      cluster,
      { tier: 'Admin', subject: { namespaces: {} }, egress: [{ action: 'Accept' }] },
      ['team-a', 'team-b'],
    ],
    [
      'ClusterNetworkPolicy, after ours',
      cluster,
      { tier: 'Baseline', subject: { namespaces: {} }, egress: [{ action: 'Accept' }] },
      [],
    ],
    [
      'Antrea',
      antrea,
      { appliedTo: [{ namespaceSelector: { matchLabels: { team: 'team-a' } } }], ...everybody },
      ['team-a'],
    ],
    ['Antrea, after ours', antrea, { tier: 'baseline', ...everybody }, []],
    [
      'an action of tomorrow',
      admin,
      { subject: { namespaces: {} }, egress: [{ action: 'Wave' }] },
      ['team-a', 'team-b'],
    ],
    ['what cannot be read', cilium, 'anything', ['team-a']],
    ['rules that cannot be read', cilium, { endpointSelector: 7, egress: 'all' }, ['team-a']],
    ['a kind of tomorrow', { apiVersion: 'new.example/v1', kind: 'Gate' }, {}, ['team-a']],
  ])('%s', (_, changes, spec, wanted) => {
    expect(Object.keys(broaderPolicies(tenant(spec, changes)))).toEqual(wanted);
  });

  it('names them as kubectl takes them, in order', () => {
    const spec = { endpointSelector: {}, ...world };
    expect(
      broaderPolicies(tenant(spec, { ...clusterwide, name: 'b' }), tenant(spec, { ...cilium, name: 'a' })),
    ).toEqual({
      'team-a': ['ciliumclusterwidenetworkpolicies.cilium.io/b', 'ciliumnetworkpolicies.cilium.io/a'],
      'team-b': ['ciliumclusterwidenetworkpolicies.cilium.io/b'],
    });
  });

  it('heeds every rule of one that has several', () => {
    const several = {
      ...cilium,
      specs: [
        { endpointSelector: {}, egress: [{}] },
        { endpointSelector: {}, ...world },
      ],
    };
    expect(Object.keys(broaderPolicies(tenant({}, several)))).toEqual(['team-a']);
  });
});
