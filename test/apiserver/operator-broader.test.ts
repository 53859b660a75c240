// Policies of others on a real API server, with stand-ins for the kinds of network plugins: a workspace that one of
// them opens is not Ready, and the condition names it. The operator has its own rights only.
import { ClusterScene, deploymentYaml, policyYaml, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { foreignCrds } from '../support/cluster/foreign-kinds.ts';
import { until } from '../support/until.ts';

let scene: ClusterScene;

beforeAll(async () => {
  scene = await ClusterScene.start();
  await scene.apply(foreignCrds());
  await scene.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
  await scene.apply(policyYaml('default-policy', ['packages.example']));
  // From before the label.
  await scene.apply(`apiVersion: v1\nkind: Namespace\nmetadata: { name: ws }\n---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: allow-all, namespace: ws }
spec: { podSelector: {}, policyTypes: [Egress], egress: [{}] }
`);
  await scene.startOperator();
  await scene.gateways.startAgent('gw-1');
  await scene.apply(workspaceYaml('ws', '1'));
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function readyIs(begins: string, workspace = 'ws'): Promise<void> {
  return scene.untilCondition('Ready', begins, 'spa', workspace);
}

it('is not Ready because of a KubeNetworkPolicy from before its label, until that is gone', async () => {
  await readyIs('False BroaderPolicies');
  expect(await scene.condition('Ready', 'spa', 'ws')).toContain(
    '"networkpolicies.networking.k8s.io/allow-all"',
  );
  await scene.kubectl('delete', 'netpol', 'allow-all', '-n', 'ws');
  await readyIs('True Ready');
});

const ALLOW = 'egress: [{ action: Allow }], subject: { namespaces: {} }';

it.each([
  [
    'cilium.io/v2',
    'CiliumNetworkPolicy',
    'ciliumnetworkpolicies',
    'endpointSelector: {}, egress: [{ toEntities: [all] }]',
  ],
  [
    'cilium.io/v2',
    'CiliumClusterwideNetworkPolicy',
    'ciliumclusterwidenetworkpolicies',
    'endpointSelector: {}, egress: [{ toEntities: [all] }]',
  ],
  [
    'crd.projectcalico.org/v1',
    'GlobalNetworkPolicy',
    'globalnetworkpolicies',
    'selector: all(), egress: [{ action: Allow }]',
  ],
  ['crd.projectcalico.org/v1', 'NetworkPolicy', 'networkpolicies', 'egress: [{ action: Allow }]'],
  ['policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', 'adminnetworkpolicies', ALLOW],
])(
  'is not Ready because of %s %s, whatever its labels say',
  async (apiVersion, kind, plural, spec) => {
    const namespace = kind === 'CiliumNetworkPolicy' || kind === 'NetworkPolicy' ? ', namespace: ws' : '';
    const labels = 'labels: { app.kubernetes.io/managed-by: sallyport }';
    const resource = `${plural}.${apiVersion.split('/')[0]}`;
    await scene.apply(`apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: open${namespace}, ${labels} }
spec: { ${spec} }
`);
    await readyIs('False BroaderPolicies');
    expect(await scene.condition('BroaderPolicies', 'spa', 'ws')).toContain(`"${resource}/open"`);
    await scene.kubectl('delete', resource, 'open', '-n', 'ws');
    await readyIs('True Ready');
  },
  60_000,
);

it('stays Ready beside rules that shut, or that are for others', async () => {
  await scene.apply(`apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: shut, namespace: ws }
spec: { endpointSelector: {}, egress: [{}], egressDeny: [{ toEntities: [world] }] }
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: { name: others }
spec: { subject: { namespaces: { matchLabels: { kubernetes.io/metadata.name: other } } }, egress: [{ action: Allow }] }
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: last, namespace: ws }
spec: { endpointSelector: {}, egress: [{ toEntities: [world] }] }
`);
  await readyIs('False BroaderPolicies');
  const message = await scene.condition('Ready', 'spa', 'ws');
  expect(message).toContain('"ciliumnetworkpolicies.cilium.io/last"');
  expect(message).not.toMatch(/\/shut|\/others/);
  await scene.kubectl('delete', 'ciliumnetworkpolicies.cilium.io', 'last', '-n', 'ws');
  await readyIs('True Ready');
});

it('is not Ready while others may come in at the gateways', async () => {
  await scene.apply(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: monitoring, namespace: sallyport-system }
spec: { podSelector: {}, policyTypes: [Ingress], ingress: [{}] }
`);
  await readyIs('False BroaderPolicies');
  expect(await scene.condition('Ready', 'spa', 'ws')).toContain('/monitoring at the gateways"');
  await scene.kubectl('delete', 'netpol', 'monitoring', '-n', 'sallyport-system');
  await readyIs('True Ready');
});

it('is not Ready while pods still run in a lane more open than the policy says', async () => {
  await scene.apply(
    `${policyYaml('default-policy', [], 'policyEnforcement: { enforcementMode: DRY_RUN }')}---\n${workspaceYaml('moody', '2')}`,
  );
  await scene.untilStamped('moody');
  await scene.apply(deploymentYaml('moody', 'old'));
  const pods = '{.items[*].metadata.name}';
  await until('the pod is there', async () => (await scene.field(pods, 'pods', '-n', 'moody')) !== '');
  // One that waits would be moved to the lane in force.
  await scene.startPods('moody');
  await readyIs('True Ready', 'moody');
  await scene.apply(policyYaml('default-policy', []));
  await readyIs(
    'False MoreOpenPodsRunning Pods run in lanes more open than the policy says (1 in lane "dry-run")',
    'moody',
  );
  await scene.kubectl('delete', 'deployment', 'old', '-n', 'moody');
  await scene.kubectl('delete', 'pods', '--all', '-n', 'moody', '--force', '--grace-period=0');
  await readyIs('True Ready', 'moody');
});
