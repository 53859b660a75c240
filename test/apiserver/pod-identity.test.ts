// Who was denied, on a real API server: pods of workloads of every sort, their owners as far as the collector may read
// them and they are real, and pods that are gone before anybody asks.
import { type KubernetesObject, pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import { PODS } from '../../operator/model/cluster-resources.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { IdentityScene, roleOf } from '../support/cluster/identity-scene.ts';
import { INFERENCE_SERVICE, RAY_CLUSTER, RAY_SERVICE } from '../support/cluster/workload-kinds.ts';
import { until } from '../support/until.ts';

let scene: IdentityScene;

const get = (group: string, ...resources: readonly string[]) => ({
  ...{ apiGroups: [group], resources, verbs: ['get'] },
});

beforeAll(async () => {
  scene = await IdentityScene.start();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene?.stop());

const SPEC = { containers: [{ name: 'main', image: 'example.invalid/main' }], nodeName: 'node-7' };
const TEMPLATE = { metadata: { labels: { app: 'x' } }, spec: { containers: SPEC.containers } };
const DEPLOYMENTS: Resource = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  plural: 'deployments',
  isNamespaced: true,
};
const namespaced = (kind: Omit<Resource, 'isNamespaced'>): Resource => ({ ...kind, isNamespaced: true });

const REPLICA_SET = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
const REPLICA_SETS = namespaced({ ...REPLICA_SET, plural: 'replicasets' });
const REPLICAS = { replicas: 0, selector: { matchLabels: { app: 'x' } }, template: TEMPLATE };
const NODE = { apiVersion: 'v1', kind: 'Node' };

/** As the row says of a new pod that names that owner; Events are about that owner and the pod alone. */
async function ownerOf(name: string, owner: KubernetesObject): Promise<string | null> {
  const pod = await scene.create(PODS, name, { spec: SPEC }, owner);
  const row = await scene.identified(await scene.run(pod));
  const [own, ...others] = await scene.identity.objectsOf(row.podUid ?? '');
  expect(own).toMatchObject({ kind: 'Pod', name, namespace: 'default' });
  expect(others.map((one) => `${one.kind}/${one.name}`)).toEqual(row.owner === null ? [] : [row.owner]);
  expect(others.every(({ namespace }) => namespace === 'default')).toBe(true);
  return row.owner;
}

describe('a denied pod', () => {
  it('of a Deployment is named with it', async () => {
    const spec = { replicas: 1, selector: { matchLabels: { app: 'x' } }, template: TEMPLATE };
    await scene.create(DEPLOYMENTS, 'etl', { spec });
    const pod = await scene.podOf('etl-');
    const row = await scene.identified(await scene.run(pod));
    const { name, uid } = pod.metadata;
    expect(row).toMatchObject({ who: 'POD', pod: name, podUid: uid, owner: 'Deployment/etl' });
    expect(scene.warnings).toEqual([]);
  });

  it('of a CronJob is named with it, and is of product JOBS', async () => {
    const image = ['--image', 'example.invalid/main'];
    await scene.kubectl(['create', 'cronjob', 'nightly', ...image, '--schedule', '0 0 1 1 *']);
    await scene.kubectl(['create', 'job', 'nightly-1', '--from', 'cronjob/nightly']);
    const ip = await scene.run(await scene.podOf('nightly-1'));
    const unknown = { product: null, networkSourceType: null };
    expect(await scene.identified(ip, unknown)).toMatchObject({
      ...{ owner: 'CronJob/nightly', product: 'JOBS', networkSourceType: 'General Compute' },
    });
  });

  it('of another kind is named without its owner, and with the top once that may be read', async () => {
    const service = await scene.create(namespaced(RAY_SERVICE), 'llm');
    const cluster = await scene.create(namespaced(RAY_CLUSTER), 'llm-raycluster', {}, service);
    const first = await scene.create(PODS, 'llm-head', { spec: SPEC }, cluster);
    const row = await scene.identified(await scene.run(first));
    expect(row).toMatchObject({ pod: 'llm-head', node: 'node-7', owner: null });

    await scene.apply(roleOf('wider', [get('ray.io', 'rayclusters', 'rayservices')]));
    const other = await scene.create(namespaced(RAY_CLUSTER), 'llm-2', {}, service);
    const ip = await scene.run(await scene.create(PODS, 'llm-2-head', { spec: SPEC }, other));
    await until('the right is in force', async () => {
      const reviewed = await scene.controlPlane.kubectl([
        'auth',
        'can-i',
        'get',
        'rayservices.ray.io',
        '--as',
        'collector',
      ]);
      return reviewed.stdout.trim() === 'yes';
    });
    expect((await scene.identified(ip)).owner).toBe('RayService/llm');
  });

  it('has no owner where that may not be read, is of no kind that there is, or has no valid name', async () => {
    const gone = await scene.create(namespaced(INFERENCE_SERVICE), 'gone');
    const notInstalled = { ...gone, apiVersion: 'nowhere.example/v1', kind: 'Nothing' };
    const hostile = { ...REPLICA_SET, metadata: { name: '..', uid: 'u' } };
    const owners = { unread: gone, 'not-installed': notInstalled, hostile };
    for (const [name, owner] of Object.entries(owners))
      expect([name, await ownerOf(name, owner)]).toEqual([name, null]);
    expect(scene.warnings).toEqual([]);
  });

  it('has no owner that it forges: cluster-scoped, of another Namespace, or with the name of another object', async () => {
    const real = await scene.create(PODS, 'real', { spec: SPEC });
    await scene.kubectl(['create', 'namespace', 'others']);
    const stranger = await scene.post(pathOf(REPLICA_SETS, { namespace: 'others' }), {
      ...REPLICA_SET,
      ...{ metadata: { name: 'stranger' }, spec: REPLICAS },
    });
    const namespace = await scene.read('/api/v1/namespaces/others');
    const node = await scene.post('/api/v1/nodes', { ...NODE, metadata: { name: 'victim' } });
    const sameName = { ...real, metadata: { ...real.metadata, uid: stranger.metadata.uid } };
    const owners = { stranger, namespace, node, 'same-name': sameName };
    for (const [name, owner] of Object.entries(owners))
      expect([name, await ownerOf(`forger-${name}`, owner)]).toEqual([name, null]);
    expect(await ownerOf('honest', real)).toBe('Pod/real');
    // A chain is believed as far as it is real.
    const between = await scene.create(PODS, 'between', { spec: SPEC }, node);
    expect(await ownerOf('forger-chain', between)).toBe('Pod/between');
  });

  it('is named although it is gone', async () => {
    const pod = await scene.create(PODS, 'brief', { spec: SPEC });
    const ip = await scene.run(pod);
    const eventTime = new Date().toISOString();
    await scene.kubectl(['delete', 'pod', 'brief', '--force', '--grace-period=0']);
    expect(await scene.identified(ip, { eventTime })).toMatchObject({
      ...{ who: 'POD', pod: 'brief', podUid: pod.metadata.uid, node: 'node-7', owner: null },
    });
    expect(await scene.identified('10.9.9.9')).toMatchObject({ who: 'UNKNOWN_SOURCE', pod: null });
  });

  it('that uses the network of its node is not named, the node is', async () => {
    const pod = await scene.create(PODS, 'agent', { spec: { ...SPEC, hostNetwork: true } });
    expect(await scene.identified(await scene.run(pod))).toMatchObject({
      ...{ who: 'HOST_NETWORK', pod: null, node: 'node-7' },
    });
  });
});
