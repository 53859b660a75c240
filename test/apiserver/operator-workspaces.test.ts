// The life of a workspace: labelled, ready, its pods, another policy, its end. The operator has its own rights only.
import {
  assignmentYaml,
  ClusterScene,
  deploymentYaml,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const LANE = '{.items[*].metadata.labels.sallyport\\.dev/lane}';
const STAMP = '{.items[*].metadata.labels.sallyport\\.dev/stamp}';

let scene: ClusterScene;

beforeAll(async () => {
  scene = await ClusterScene.start();
  await scene.startOperator();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function lanesIn(namespace: string): Promise<string> {
  return scene.field(LANE, 'pods', '-n', namespace);
}

// Each test goes on from what the one before left.
describe('the life of a workspace, one story, in this order', () => {
  it('creates default-policy, and never writes over it', async () => {
    const mode = '{.spec.egress.networkAccess.restrictionMode}';
    await until(
      'default-policy is there',
      async () => (await scene.field(mode, 'snp', 'default-policy')) !== '',
    );
    expect(await scene.field(mode, 'snp', 'default-policy')).toBe('FULL_ACCESS');
    await scene.apply(policyYaml('default-policy', ['packages.example']));
    await scene.untilCondition('Accepted', 'True', 'snp', 'default-policy');
    expect(await scene.field(mode, 'snp', 'default-policy')).toBe('RESTRICTED_ACCESS');
  });

  it('lets pods of a new workspace start when it is ready, stamped, and none before', async () => {
    await scene.apply(`${workspaceYaml('fresh', '1')}---\n${deploymentYaml('fresh', 'app')}`);
    await until('a pod is there', async () => (await lanesIn('fresh')) !== '');
    expect(await lanesIn('fresh')).toBe('enforced');
    expect(await scene.field(STAMP, 'pods', '-n', 'fresh')).toBe(await scene.stampOf('fresh'));
    expect(await scene.field('{.spec.networkPolicyId}', 'spa', 'fresh')).toBe('default-policy');
  });

  it('has isolation in place before it is stamped', async () => {
    await scene.apply(workspaceYaml('isolated', '3'));
    await scene.untilStamped('isolated');
    expect(await scene.field('{.items[*].metadata.name}', 'netpol', '-n', 'isolated')).toBe(
      'sallyport-isolation sallyport-lane-enforced sallyport-lane-sealed',
    );
  });

  it('keeps running pods in their lane when the mode changes, and their way out with it', async () => {
    await scene.apply(
      `${policyYaml('moody', ['a.example'])}---\n${workspaceYaml('moody', '4')}---\n${assignmentYaml('moody', 'moody')}`,
    );
    await scene.untilStamped('moody');
    await scene.apply(deploymentYaml('moody', 'old'));
    await until('the old pod is there', async () => (await lanesIn('moody')) === 'enforced');
    const before = await scene.stampOf('moody');
    await scene.apply(policyYaml('moody', ['a.example'], 'policyEnforcement: { enforcementMode: DRY_RUN }'));
    await until('the stamp changed', async () => (await scene.stampOf('moody')) !== before);
    await scene.apply(deploymentYaml('moody', 'new'));
    await until('the new pod is there', async () => (await lanesIn('moody')).split(' ').length === 2);
    expect((await lanesIn('moody')).split(' ').toSorted()).toEqual(['dry-run', 'enforced']);
    const lanes = await scene.field('{.spec.lanes[*].lane}', 'swp', 'moody', '-n', 'sallyport-system');
    expect(lanes).toContain('enforced');
    const except = '{.spec.egress[*].to[*].ipBlock.except[*]}';
    const shut = await scene.field(except, 'netpol', 'sallyport-dry-run', '-n', 'moody');
    expect(shut.split(' ')).toEqual(expect.arrayContaining(['169.254.169.254/32', 'fd00:ec2::254/128']));
  });

  it('exempts pods that ran before their Namespace became a workspace', async () => {
    await scene.apply(
      `apiVersion: v1\nkind: Namespace\nmetadata: { name: live }\n---\n${deploymentYaml('live', 'app')}`,
    );
    await until(
      'the pod is there',
      async () => (await scene.field('{.items[*].metadata.name}', 'pods', '-n', 'live')) !== '',
    );
    await scene.startPods('live');
    await scene.apply(workspaceYaml('live', '5'));
    await scene.untilStamped('live');
    expect(await lanesIn('live')).toBe('full');
  });

  it('isolates them where the Namespace says so', async () => {
    await scene.apply(
      `apiVersion: v1\nkind: Namespace\nmetadata: { name: cut }\n---\n${deploymentYaml('cut', 'app')}`,
    );
    await until(
      'the pod is there',
      async () => (await scene.field('{.items[*].metadata.name}', 'pods', '-n', 'cut')) !== '',
    );
    await scene.apply(workspaceYaml('cut', '6', '{ sallyport.dev/adopt: Isolate }'));
    await scene.untilStamped('cut');
    expect(await lanesIn('cut')).toBe('sealed');
  });

  it('keeps isolation after the label is gone, until no stamped pod is left', async () => {
    await scene.apply(workspaceYaml('leaving', '7'));
    await scene.untilStamped('leaving');
    await scene.apply(deploymentYaml('leaving', 'app'));
    await until('the pod is there', async () => (await lanesIn('leaving')) === 'enforced');
    await scene.kubectl('label', 'namespace', 'leaving', 'sallyport.dev/workspace-');
    expect(await scene.field('{.items[*].metadata.name}', 'netpol', '-n', 'leaving')).toContain(
      'sallyport-isolation',
    );
    await scene.kubectl('delete', 'deployment', 'app', '-n', 'leaving');
    await scene.kubectl('delete', 'pods', '--all', '-n', 'leaving', '--force', '--grace-period=0');
    await until(
      'isolation is gone',
      async () => (await scene.field('{.items[*].metadata.name}', 'netpol', '-n', 'leaving')) === '',
    );
    await until('the stamp is gone', async () => (await scene.stampOf('leaving')) === '');
  });

  it('says Conflicted of a second Namespace with the same id', async () => {
    await scene.apply(workspaceYaml('sni-router', '1'));
    await scene.untilCondition('Accepted', 'False Conflicted', 'spa', 'sni-router');
  });

  it('names policies of others that allow more than ours', async () => {
    await scene.apply(workspaceYaml('wide', '8'));
    await scene.apply(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: allow-all, namespace: wide }
spec: { podSelector: {}, policyTypes: [Egress], egress: [{}] }
`);
    await scene.untilCondition('BroaderPolicies', 'True', 'spa', 'wide');
    expect(await scene.condition('BroaderPolicies', 'spa', 'wide')).toContain('allow-all');
  });

  it('creates nothing in a terminating Namespace, and deletes what it had created for it', async () => {
    await scene.apply(workspaceYaml('ending', '10', '{}'));
    await scene.untilStamped('ending');
    await scene.kubectl('delete', 'namespace', 'ending');
    await until(
      'its assignment is gone',
      async () => (await scene.field('{.metadata.name}', 'spa', 'ending')) === '',
    );
    expect(await scene.field('{.metadata.name}', 'swp', 'ending', '-n', 'sallyport-system')).toBe('');
  });
});
