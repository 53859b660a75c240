import { clusterState, stampedPod } from '../../../../test/fixtures/cluster-fixture.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import { canaryScene } from './canary-scene.ts';

const SETTINGS = { namespace: 'sallyport-canary', operatorAddress: '10.0.0.9', operatorPort: 8081 };
const POLICY = {
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', specs: [] },
  ...{ namespace: 'sallyport-canary', name: 'sallyport-canary' },
};
const gateway = (name: string, isReady: boolean, addresses = [`10.1.0.${name.length}`]) => ({
  ...{ name, uid: name, isReady, addresses },
});
const API_SERVER = { serviceAddresses: ['10.96.0.1'], servicePorts: [443], addresses: [], ports: [6443] };
const WHOLE: Partial<ClusterState> = {
  tenantPolicies: [POLICY],
  gatewayPods: [gateway('a', false), gateway('bb', true), gateway('ccc', true)],
  apiServer: API_SERVER,
};

function sceneOf(more: Partial<ClusterState>, settings: Partial<typeof SETTINGS> = {}) {
  const { snapshot: _, ...rest } = { ...clusterState([]), ...WHOLE, ...more };
  return canaryScene(clusterState([], rest), { ...SETTINGS, ...settings });
}

it('tries a ready gateway, and what every pod reaches where nobody enforces', () => {
  expect(sceneOf({}).targets).toEqual({
    allowed: [{ name: 'gateway "bb"', place: '10.1.0.2:8081' }],
    denied: [
      { name: 'the API server', place: '10.96.0.1:443' },
      { name: 'the operator', place: '10.0.0.9:8081' },
    ],
  });
});

it('writes addresses of IPv6 so that the port can be told from them', () => {
  const gatewayPods = [gateway('a', true, ['fd00::7'])];
  const apiServer = { ...API_SERVER, serviceAddresses: ['fd00:10:96::1'] };
  const { targets } = sceneOf({ gatewayPods, apiServer }, { operatorAddress: 'fd00::9' });
  expect(targets).toMatchObject({
    allowed: [{ place: '[fd00::7]:8081' }],
    denied: [{ place: '[fd00:10:96::1]:443' }, { place: '[fd00::9]:8081' }],
  });
});

it.each<[string, Partial<ClusterState>, RegExp]>([
  ['no gateway is ready', { gatewayPods: [gateway('a', false)] }, /^No gateway is ready/],
  ['a ready gateway has no address', { gatewayPods: [gateway('a', true, [])] }, /^No gateway is ready/],
  ['there is no policy', { tenantPolicies: [] }, /^Nothing restricts canary pods/],
  [
    'the policy is elsewhere',
    { tenantPolicies: [{ ...POLICY, namespace: 'default' }] },
    /^Nothing restricts canary pods/,
  ],
  [
    'the policy is one of a plugin',
    { tenantPolicies: [{ ...POLICY, apiVersion: 'crd.projectcalico.org/v1' }] },
    /^Nothing restricts canary pods/,
  ],
  ['the API server has no address', { apiServer: { ...API_SERVER, serviceAddresses: [] } }, /has no address/],
])('nothing can be measured where %s', (_, more, sentence) => {
  expect(sceneOf(more).targets).toEqual({ obstacle: expect.stringMatching(sentence) });
});

it('the nodes are those with isolated pods, each once', () => {
  const pods = [
    stampedPod('team-a', 'enforced', 'node-b'),
    stampedPod('team-a', 'sealed', 'node-a'),
    stampedPod('team-b', 'enforced', 'node-b'),
    stampedPod('team-a', 'full', 'node-c'),
    stampedPod('team-a', 'dry-run', 'node-d'),
    stampedPod('team-a', 'sealed-dry-run', 'node-e'),
    stampedPod('team-a', 'no-such-lane', 'node-f'),
    stampedPod('team-a', 'enforced', ''),
  ];
  expect(sceneOf({ pods }).nodes).toEqual(['node-a', 'node-b', 'node-f']);
});
