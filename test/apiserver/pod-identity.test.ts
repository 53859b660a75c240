// Who was denied, on a real API server: pods of workloads of every sort, their owners as far as the collector may read
// them, and pods that are gone before anybody asks.
import type { Resource } from '../../operator/lib/kubernetes/api-object.ts';
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
  scene = await IdentityScene.start([
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    get('apps', 'replicasets'),
    get('batch', 'jobs'),
  ]);
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

describe('a denied pod', () => {
  it('of a Deployment is named with it, though only ReplicaSets may be read', async () => {
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

  it('of another kind is named with what may be read, and with the top once that is granted', async () => {
    const service = await scene.create(namespaced(RAY_SERVICE), 'llm');
    const cluster = await scene.create(namespaced(RAY_CLUSTER), 'llm-raycluster', {}, service);
    const first = await scene.create(PODS, 'llm-head', { spec: SPEC }, cluster);
    const row = await scene.identified(await scene.run(first));
    expect(row).toMatchObject({ pod: 'llm-head', node: 'node-7', owner: 'RayCluster/llm-raycluster' });

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

  it('has the owner that it names where that may not be read, is of no kind that there is, or has no valid name', async () => {
    const gone = await scene.create(namespaced(INFERENCE_SERVICE), 'gone');
    const notInstalled = { ...gone, apiVersion: 'nowhere.example/v1', kind: 'Nothing' };
    const hostile = {
      ...gone,
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: '..', uid: 'u' },
    };
    const owners: string[] = [];
    for (const [name, owner] of Object.entries({ a: gone, b: notInstalled, c: hostile })) {
      const pod = await scene.create(PODS, `orphan-${name}`, { spec: SPEC }, owner);
      const row = await scene.identified(await scene.run(pod));
      owners.push(row.owner ?? '');
    }
    expect(owners).toEqual(['InferenceService/gone', 'Nothing/gone', 'ReplicaSet/..']);
    expect(scene.warnings).toEqual([]);
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
