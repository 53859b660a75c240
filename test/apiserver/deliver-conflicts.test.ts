// What delivery must not do on a real API server: write over something newer, bring back what is gone, write while
// another leads, stop at the first failure; and what statuses, Events and exempt pods come to.
import { EventRecorder } from '../../operator/deliver/kubernetes/event-recorder.ts';
import type { EventToRecord } from '../../operator/deliver/kubernetes/event-requests.ts';
import { exemptPods, holdFoundPods } from '../../operator/deliver/kubernetes/exempt-pods.ts';
import { NoLongerLeader, type WriteFailures } from '../../operator/deliver/kubernetes/object-writer.ts';
import { PodWriteMemory } from '../../operator/deliver/kubernetes/pod-write-memory.ts';
import { writeStatuses } from '../../operator/deliver/kubernetes/status-report.ts';
import { type KubernetesObject, objectKey } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { EGRESS_TABLES, INPUT_RESOURCES } from '../../operator/model/cluster-resources.ts';
import { LANE_LABEL } from '../../operator/model/stamp.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import {
  type DeliveryScene,
  managersOf,
  SYSTEM,
  startDeliveryScene,
} from '../support/cluster/delivery-scene.ts';
import { CONFIG_MAPS } from '../support/cluster/lease-scene.ts';

let scene: DeliveryScene;
beforeAll(async () => {
  scene = await startDeliveryScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

type Observed = ReadonlyMap<string, KubernetesObject>;

const NOTHING: Observed = new Map();
const OURS = 'sallyport.dev/v1alpha1';

function configMap(name: string, text: string, namespace = SYSTEM): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { text } };
}

function table(name: string, revision: string): KubernetesObject {
  const spec = { networkPolicyId: 'acme', revision, groups: [] };
  return { apiVersion: OURS, kind: 'EgressTable', metadata: { name, namespace: SYSTEM }, spec };
}

function policy(name: string): KubernetesObject {
  const spec = { egress: { networkAccess: { restrictionMode: 'FULL_ACCESS' } } };
  return { apiVersion: OURS, kind: 'NetworkPolicy', metadata: { name }, spec };
}

/** Failures by key, as "Conflict" and so on. */
async function reasons(failures: Promise<WriteFailures>): Promise<object> {
  return Object.fromEntries(
    (await failures).map(({ item, error }) => [objectKey(item), (error as { reason?: string }).reason]),
  );
}

describe('ObjectWriter', () => {
  it('writes what it can, and reports what it could not', async () => {
    const misshapen = table('misshapen', 'x'.repeat(65));
    const objects = [configMap('a', '1', 'nowhere'), misshapen, configMap('b', '1'), configMap('c', '1')];
    expect(await reasons(scene.writer().applyAll(objects, NOTHING))).toEqual({
      'ConfigMap/nowhere/a': 'NotFound',
      'EgressTable/sallyport-system/misshapen': 'Invalid',
    });
    const stored = await scene.observe(CONFIG_MAPS);
    expect([...stored.keys()]).toEqual(
      expect.arrayContaining([`ConfigMap/${SYSTEM}/b`, `ConfigMap/${SYSTEM}/c`]),
    );
  });

  it('never writes an older table over a newer one', async () => {
    const options = { versionedKinds: ['EgressTable'] };
    const [stale, current] = [scene.writer(options), scene.writer(options)];
    await stale.applyAll([table('fenced', 'one')], NOTHING);
    const seen = await scene.observe(EGRESS_TABLES);
    expect(await reasons(current.applyAll([table('fenced', 'two')], seen))).toEqual({});
    expect(await reasons(stale.applyAll([table('fenced', 'old')], seen))).toEqual({
      'EgressTable/sallyport-system/fenced': 'Conflict',
    });
    expect(await scene.get(table('fenced', ''))).toMatchObject({ spec: { revision: 'two' } });
    const seenAnew = await scene.observe(EGRESS_TABLES);
    expect(await reasons(stale.applyAll([table('fenced', 'three')], seenAnew))).toEqual({});
  });

  it('writes a table again before any watch has brought its own last write', async () => {
    const writer = scene.writer({ versionedKinds: ['EgressTable'] });
    await writer.applyAll([table('quick', 'one')], NOTHING);
    const seen = await scene.observe(EGRESS_TABLES);
    for (const revision of ['two', 'three', 'four']) {
      expect(await reasons(writer.applyAll([table('quick', revision)], seen))).toEqual({});
    }
    expect(await scene.get(table('quick', ''))).toMatchObject({ spec: { revision: 'four' } });
  });

  it.each([[[]], [['ConfigMap']]])(
    'brings back nothing that is gone (guarded: %j)',
    async (versionedKinds) => {
      const object = configMap(`gone-${versionedKinds.length}`, '1');
      const writer = scene.writer({ versionedKinds });
      await writer.applyAll([object], NOTHING);
      const seen = await scene.observe(CONFIG_MAPS);
      await scene.remove(object);
      expect(await reasons(writer.applyAll([object], seen))).toEqual({ [objectKey(object)]: 'Conflict' });
      await expect(scene.get(object)).rejects.toThrow('not found');
      expect(await reasons(writer.applyAll([object], NOTHING))).toEqual({});
    },
  );

  it('removes no object that was made anew, and takes one that is gone for removed', async () => {
    const object = configMap('reborn', '1');
    await scene.writer().applyAll([object], NOTHING);
    const seen = await scene.get(object);
    await scene.remove(object);
    expect(await reasons(scene.writer().removeAll([seen]))).toEqual({});
    await scene.writer().applyAll([object], NOTHING);
    expect(await reasons(scene.writer().removeAll([seen]))).toEqual({ [objectKey(object)]: 'Conflict' });
    expect(await scene.get(object)).toMatchObject({ data: { text: '1' } });
  });

  it('sends nothing from the moment on at which another leads', async () => {
    let left = 5;
    const before = scene.writes();
    const objects = Array.from({ length: 40 }, (_, at) => configMap(`late-${at}`, '1'));
    const failures = await scene.writer({ mayWrite: () => left-- > 0 }).applyAll(objects, NOTHING);
    expect(scene.writes() - before).toBe(5);
    expect(failures).toHaveLength(35);
    expect(failures.every(({ error }) => error instanceof NoLongerLeader)).toBe(true);
  });
});

describe('writeStatuses()', () => {
  const condition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'Fine',
    lastTransitionTime: '2027-01-31T00:00:00Z',
  };
  const status = { conditions: [condition] };

  it('writes each status to its own object, and to none that is gone or was made anew', async () => {
    const stored = await Promise.all(
      ['first', 'second', 'gone'].map(async (name) => {
        await scene.writer().create(policy(name));
        return scene.get(policy(name));
      }),
    );
    await scene.remove(policy('gone'));
    await scene.remove(policy('second'));
    await scene.writer().create(policy('second'));
    const wanted = stored.map(({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata, status }));
    const writing = { api: scene.api, resources: INPUT_RESOURCES, mayWrite: () => true };
    expect(await reasons(writeStatuses(wanted, writing))).toEqual({});
    expect(await scene.get(policy('first'))).toMatchObject({ status });
    expect(managersOf(await scene.get(policy('first')))).toContain('sallyport-operator-status');
    expect(await scene.get(policy('second'))).not.toHaveProperty('status');
    const fenced = await writeStatuses(wanted, { ...writing, mayWrite: () => false });
    expect(fenced.map(({ item }) => item)).toEqual(wanted);
    expect(fenced.every(({ error }) => error instanceof NoLongerLeader)).toBe(true);
  });
});

describe('EventRecorder', () => {
  function event(name: string, details: Partial<EventToRecord> = {}): EventToRecord {
    const regarding = { apiVersion: OURS, kind: 'NetworkPolicy', name, uid: `uid-${name}` };
    const said = { reason: 'Accepted', action: 'Validate', note: 'Fine' };
    return { namespace: 'default', regarding, type: 'Normal', ...said, ...details };
  }

  async function recorded(name: string): Promise<readonly (KubernetesObject & { series?: object })[]> {
    const path = '/apis/events.k8s.io/v1/namespaces/default/events';
    const { items } = (await scene.api.request({ method: 'GET', path })) as {
      readonly items: readonly (KubernetesObject & { regarding: { name: string } })[];
    };
    return items.filter(({ regarding }) => regarding.name === name);
  }

  function recorder(): { record: (event: EventToRecord) => Promise<void>; dropped: string[] } {
    const dropped: string[] = [];
    const events = new EventRecorder({
      api: scene.api,
      instance: 'replica-1',
      onDropped: (_, error) => dropped.push(error?.message ?? 'too many'),
    });
    return { record: (one) => events.record(one), dropped };
  }

  it('makes one Event of what repeats itself, and another of what is another', async () => {
    const { record, dropped } = recorder();
    await record(event('series'));
    expect(await recorded('series')).toEqual([expect.not.objectContaining({ series: expect.anything() })]);
    await record(event('series'));
    await record(event('series'));
    await record(event('series', { type: 'Warning', reason: 'Invalid' }));
    const [first, second] = (await recorded('series')).toSorted((a) => (a.series === undefined ? 1 : -1));
    expect(first).toMatchObject({
      series: { count: 3, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) },
      reportingController: 'sallyport.dev/operator',
      reportingInstance: 'replica-1',
    });
    expect(second).toMatchObject({ type: 'Warning', reason: 'Invalid' });
    expect(dropped).toEqual([]);
  });

  it('begins anew where the Event has expired', async () => {
    const { record } = recorder();
    await record(event('expired'));
    const [first] = await recorded('expired');
    await scene.api.request({
      method: 'DELETE',
      path: `/apis/events.k8s.io/v1/namespaces/default/events/${first?.metadata.name}`,
    });
    await record(event('expired'));
    await record(event('expired'));
    expect(await recorded('expired')).toEqual([
      expect.objectContaining({ series: expect.objectContaining({ count: 2 }) }),
    ]);
  });

  it('drops and counts what is too much or rejected, and never throws', async () => {
    const { record, dropped } = recorder();
    for (let at = 0; at < 27; at += 1) await record(event('flood', { note: `Note ${at}` }));
    expect(await recorded('flood')).toHaveLength(25);
    await record(event('other', { namespace: 'nowhere' }));
    expect(dropped).toEqual(['too many', 'too many', expect.stringContaining('"nowhere" not found')]);
  });
});

describe('exemptPods() and holdFoundPods()', () => {
  const RUNNING = { containerStatuses: [container({ running: {} })] };

  function container(state: object): object {
    return { name: 'main', image: 'none', imageID: '', ready: false, restartCount: 0, state };
  }

  async function makePod(namespace: string, name: string, labels: object = {}): Promise<void> {
    const body = { metadata: { name, labels }, spec: { containers: [{ name: 'main', image: 'none' }] } };
    await scene.api.request({ method: 'POST', path: `/api/v1/namespaces/${namespace}/pods`, body });
  }

  async function setStatus(path: string, status: object): Promise<void> {
    const contentType = 'application/merge-patch+json';
    await scene.api.request({ method: 'PATCH', path: `${path}/status`, body: { status }, contentType });
  }

  /** As a kubelet says it. */
  async function startPod(namespace: string, name: string, labels: object = {}): Promise<void> {
    await makePod(namespace, name, labels);
    await setStatus(`/api/v1/namespaces/${namespace}/pods/${name}`, RUNNING);
  }

  async function lanes(namespace: string): Promise<object> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const { items } = (await scene.api.request({ method: 'GET', path })) as { items: KubernetesObject[] };
    return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.labels?.[LANE_LABEL]]));
  }

  async function exempt(namespace: string, api = scene.api): Promise<object> {
    const notified: string[] = [];
    const onHeld = async (pod: { readonly namespace: string; readonly name: string }): Promise<void> => {
      notified.push(`${pod.namespace}/${pod.name}`);
    };
    const recorder = { record: async () => undefined };
    const writing = { api, mayWrite: () => true, nowMs: Date.now, recorder, podMemory: new PodWriteMemory() };
    const { count } = await exemptPods(namespace, { ...writing, isolatesAll: false });
    return { exempt: count, held: await holdFoundPods(namespace, { ...writing, onHeld }), notified };
  }

  it('gives lane full to the pods that run, and the strictest to those that have not started', async () => {
    await scene.namespace('exempting');
    await startPod('exempting', 'old-1');
    await startPod('exempting', 'old-2', { app: 'x' });
    await startPod('exempting', 'stamped', { [LANE_LABEL]: 'enforced' });
    await makePod('exempting', 'waiting');
    expect(await exempt('exempting')).toEqual({ exempt: 2, held: 1, notified: ['exempting/waiting'] });
    expect(await lanes('exempting')).toEqual({
      'old-1': 'full',
      'old-2': 'full',
      stamped: 'enforced',
      waiting: 'sealed',
    });
    expect(await exempt('exempting')).toEqual({ exempt: 0, held: 0, notified: [] });
  });

  it('opens no pod that took the place of one that it saw', async () => {
    await scene.namespace('replaced');
    await startPod('replaced', 'web-0');
    const late: KubernetesApi = {
      ...scene.api,
      request: async (request) => {
        if (request.method !== 'PATCH') return scene.api.request(request);
        await scene.api.request({ method: 'DELETE', path: request.path, query: { gracePeriodSeconds: '0' } });
        await startPod('replaced', 'web-0', { [LANE_LABEL]: 'enforced' });
        return scene.api.request(request);
      },
    };
    await expect(exempt('replaced', late)).rejects.toThrow('field is immutable');
    expect(await lanes('replaced')).toEqual({ 'web-0': 'enforced' });
  });
});
