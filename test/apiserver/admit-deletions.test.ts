// Deletions and evictions of pods in every state, by everybody, with every grace, on a real API server; each is compared
// with what a tenant may do without a process that goes on where no object is left.
import fc from 'fast-check';
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { PRODUCT_LABEL } from '../../operator/model/stamp.ts';
import { accountUser } from '../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import {
  type AdmissionScene,
  create,
  createPod,
  GRANTED,
  namespace,
  PLAIN,
  podOf,
  READY,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const SEED = 20_261_130;
const RUNS = 1500;
const NODE = 'node-a';
/** It becomes a workspace, so that pods are there with a grace that none gets in a workspace. */
const JOINING = 'joining';
const HOMES = [READY, JOINING, PLAIN];
/** The longest that a pod may have, and a request ask for. */
const LONGEST = 600;
/** Of pods from before. */
const LONG = 3600;
/** Product and account, by grace: lanes full, dry-run and enforced. */
const LANES: Readonly<Record<number, readonly [string, string]>> = {
  [LONGEST]: ['ML_BUILD', GRANTED],
  30: ['DBSQL', GRANTED],
  0: ['GENERAL', 'default'],
};

const RUNNING = { running: { startedAt: '2026-11-29T12:00:00Z' } };
const ENDED = { terminated: { exitCode: 0 } };
const status = (phase: string, list: string, state: object) => ({
  phase,
  [list]: [{ name: 'main', image: 'none.invalid/app', imageID: '', ready: false, restartCount: 0, state }],
});
/** What a kubelet, or the controller for lost nodes, has said. */
const STATES = {
  new: { status: undefined, hasPhase: false, runs: false },
  running: { status: status('Running', 'containerStatuses', RUNNING), hasPhase: false, runs: true },
  failing: { status: status('Failed', 'containerStatuses', RUNNING), hasPhase: true, runs: true },
  'failing, with a sidecar': {
    status: status('Failed', 'initContainerStatuses', RUNNING),
    hasPhase: true,
    runs: true,
  },
  failed: { status: status('Failed', 'containerStatuses', ENDED), hasPhase: true, runs: false },
  rejected: { status: { phase: 'Failed', reason: 'OutOfcpu' }, hasPhase: true, runs: false },
  done: { status: status('Succeeded', 'containerStatuses', ENDED), hasPhase: true, runs: false },
} as const;

interface Found {
  readonly home: string;
  readonly name: string;
  readonly own: number;
  readonly node: string;
  readonly state: keyof typeof STATES;
}

const PODS: readonly Found[] = HOMES.flatMap((home) =>
  [0, 30, home === READY ? LONGEST : LONG].flatMap((own) =>
    ['', NODE].flatMap((node) =>
      (Object.keys(STATES) as (keyof typeof STATES)[]).map((state, at) => ({
        ...{ home, own, node, state },
        name: `pod-${own}-${node === '' ? 'waits' : 'placed'}-${at}`,
      })),
    ),
  ),
);

/** By name of the user; whether the cluster itself asks. */
const OTHERS: Readonly<Record<string, boolean>> = {
  [accountUser('kube-system', 'pod-garbage-collector')]: true,
  [accountUser('kube-system', 'namespace-controller')]: true,
  [accountUser('kube-system', 'replicaset-controller')]: true,
  'system:kube-controller-manager': true,
  'system:kube-scheduler': true,
  [accountUser(READY, 'kube-system')]: false,
  [accountUser(PLAIN, 'namespace-controller')]: false,
  'system:nodes': false,
};
const KUBELET = `system:node:${NODE}`;

let scene: AdmissionScene;
const people = new Map<string, { readonly api: KubernetesApi; readonly may: boolean }>();

beforeAll(async () => {
  scene = await startAdmissionScene();
  const { root, as, controlPlane } = scene;
  // Pods of a node that does not exist are collected.
  await create(root, { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } });
  await create(root, namespace(JOINING, {}));
  await until('pods to be admitted', () => rejection(root, createPod(JOINING, {})));
  for (const pod of PODS) await createFound(pod);
  await root.request(
    merge(`/api/v1/namespaces/${JOINING}`, { metadata: { labels: { [WORKSPACE_LABEL]: '107' } } }),
  );
  await until('the Namespace to be a workspace', async () => {
    const sentence = await rejection(root, createPod(JOINING, {}));
    return sentence.includes('its egress isolation is still being created') ? '' : `no: "${sentence}"`;
  });
  await grantDeletions();
  for (const [name, may] of Object.entries(OTHERS))
    people.set(name, { api: await scene.actingAs(name), may });
  const kubelet = await controlPlane.kubeconfigFor({ user: KUBELET, groups: ['system:nodes'] });
  people.set(KUBELET, { api: await scene.connect(kubelet), may: true });
  people.set('edit', { api: as.edit, may: false });
  people.set('admin', { api: as.admin, may: false });
  people.set('account-admin', { api: as['account-admin'], may: true });
}, 2 * CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function merge(path: string, body: unknown): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

function pathOf({ home, name }: Pick<Found, 'home' | 'name'>): string {
  return `/api/v1/namespaces/${home}/pods/${name}`;
}

/** In READY each grace is in a lane of its own. */
async function createFound({ home, name, own, node, state }: Found): Promise<void> {
  const [product, account] = LANES[own] ?? ['GENERAL', 'default'];
  const labels = home === READY ? { [PRODUCT_LABEL]: product } : {};
  const spec = {
    terminationGracePeriodSeconds: own,
    ...(node === '' ? {} : { nodeName: node }),
    ...(home === READY ? { serviceAccountName: account } : {}),
  };
  await create(scene.root, podOf(home, { name, labels, spec }));
  const { status: said } = STATES[state];
  if (said !== undefined)
    await scene.root.request(merge(`${pathOf({ home, name })}/status`, { status: said }));
}

/** To all of them: what they may do is not the question here, but that they may at all. */
async function grantDeletions(): Promise<void> {
  const users = [...Object.keys(OTHERS), KUBELET, 'edit', 'admin', 'account-admin'];
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'deleter' } };
  const rules = [
    { apiGroups: [''], resources: ['pods'], verbs: ['delete', 'deletecollection'] },
    { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
  ];
  await create(scene.root, { ...rbac, kind: 'ClusterRole', rules });
  await create(scene.root, {
    ...rbac,
    kind: 'ClusterRoleBinding',
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'deleter' },
    subjects: users.map((name) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name })),
  });
}

const WAYS = ['delete', 'delete by query', 'collection', 'evict', 'evict by the old version'] as const;

interface Deletion {
  readonly way: (typeof WAYS)[number];
  readonly grace: number | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

const deletions: fc.Arbitrary<Deletion> = fc.record({
  way: fc.constantFrom(...WAYS),
  grace: fc.constantFrom(undefined, 0, 0, 1, -1, -3600, 30, LONGEST, LONGEST + 1, LONG, 86_400),
  options: fc.constantFrom({}, { propagationPolicy: 'Background' }, { propagationPolicy: 'Orphan' }),
});

/** It changes nothing. Where there is a body the API server reads no options from the query. */
function requestOf(pod: Found, { way, grace, options }: Deletion, isDry = true): ApiRequest {
  const path = pathOf(pod);
  const body = {
    ...options,
    ...(isDry ? { dryRun: ['All'] } : {}),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
  };
  if (way === 'delete by query') {
    const dry: Readonly<Record<string, string>> = isDry ? { dryRun: 'All' } : {};
    const query = grace === undefined ? dry : { ...dry, gracePeriodSeconds: String(grace) };
    return { method: 'DELETE', path, query };
  }
  if (way === 'delete') return { method: 'DELETE', path, body };
  if (way === 'collection') {
    const query = { fieldSelector: `metadata.name=${pod.name}` };
    return { method: 'DELETE', path: `/api/v1/namespaces/${pod.home}/pods`, query, body };
  }
  const apiVersion = way === 'evict' ? 'policy/v1' : 'policy/v1beta1';
  const metadata = { name: pod.name, namespace: pod.home };
  const eviction = { apiVersion, kind: 'Eviction', metadata, deleteOptions: body };
  return { method: 'POST', path: `${path}/eviction`, body: eviction };
}

/** A second reading: which sentence a tenant gets, or none. */
function denialOf(pod: Found, deletion: Deletion): string {
  const { home, name, node, state } = pod;
  if (home === PLAIN) return '';
  if (deletion.way.startsWith('evict')) return denialOfEviction(pod, deletion);
  const { hasPhase, runs } = STATES[state];
  if (node === '' || (hasPhase && !runs)) return '';
  if (hasPhase) return `Cannot delete pod "${name}" in workspace "${home}" yet: a container of it still runs`;
  if (graceOf(pod, deletion) !== 0)
    return deletion.grace === pod.own ? '' : lateness('delete', pod, deletion);
  return `Cannot delete pod "${name}" in workspace "${home}" with grace period 0: it could run on, uncounted, on node "${node}". Use "kubectl delete pod ${name} -n ${home} --now"; one that is being deleted keeps the grace period that its node has begun. Wait for its end, or let somebody`;
}

function denialOfEviction(pod: Found, deletion: Deletion): string {
  if (deletion.grace !== 0) return lateness('evict', pod, deletion);
  return `Cannot evict pod "${pod.name}" in workspace "${pod.home}" with grace period 0`;
}

function lateness(what: string, { name, home }: Found, { grace = 0 }: Deletion): string {
  if (grace <= LONGEST) return '';
  return `Cannot ${what} pod "${name}" in workspace "${home}" with grace period ${grace}: a gateway that needs its place could have to wait that long. Use ${LONGEST} or less, or let somebody`;
}

/** In a workspace that is ready a pod with 0 has got 1. */
function graceOf({ home, own }: Found, { grace }: Deletion): number {
  return grace ?? (home === READY ? Math.max(own, 1) : own);
}

test(
  'no tenant removes the object of what may still run, whoever and whatever else may',
  async () => {
    const counts = new Map<string, number>();
    const who = fc.oneof(fc.constantFrom('edit', 'admin'), fc.constantFrom(...people.keys()));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PODS), deletions, who, async (pod, deletion, name) => {
        const { api, may } = people.get(name) ?? { api: scene.as.edit, may: false };
        const denial = may ? '' : denialOf(pod, deletion);
        const key = `${deletion.way}: ${may ? 'may' : denial === '' ? 'allowed' : denial.slice(0, 10)}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
        const sentence = await rejection(api, requestOf(pod, deletion));
        if (denial === '') expect(sentence).toBe('');
        else expect(sentence).toContain(denial);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} deletions:`, Object.fromEntries([...counts].toSorted()));
    expect(counts.size).toBe(3 * WAYS.length);
    expect(Math.min(...counts.values())).toBeGreaterThan(RUNS / 100);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);

describe('a pod that does not heed its end', () => {
  const exists = async (pod: Found): Promise<boolean> =>
    (await rejection(scene.root, { method: 'GET', path: pathOf(pod) })) === '';
  const first = (home: string): Found =>
    PODS.find(
      (pod) => pod.home === home && pod.own >= LONGEST && pod.node !== '' && pod.state === 'running',
    ) ?? (PODS[0] as Found);
  const deletion = (way: Deletion['way'], grace?: number): Deletion => ({ way, grace, options: {} });

  test('stays in the API until its kubelet removes it', async () => {
    const pod = first(READY);
    const { edit } = scene.as;
    expect(await rejection(edit, requestOf(pod, deletion('delete'), false))).toBe('');
    for (const way of WAYS) {
      expect(await rejection(edit, requestOf(pod, deletion(way, 0), false))).toContain('with grace period 0');
      expect(await exists(pod)).toBe(true);
    }
    // As the hint says.
    for (const grace of [-1, 1])
      expect(await rejection(edit, requestOf(pod, deletion('delete', grace), false))).toBe('');
    expect(await rejection(edit, requestOf(pod, deletion('delete', 0), false))).toContain('grace period 0');
    expect(await exists(pod)).toBe(true);
    const kubelet = people.get(KUBELET)?.api ?? edit;
    expect(await rejection(kubelet, requestOf(pod, deletion('delete', 0), false))).toBe('');
    expect(await exists(pod)).toBe(false);
  });

  test('stays with a finalizer that the tenant removes, too', async () => {
    const pod = { ...first(READY), name: 'finalized' };
    const body = podOf(READY, { name: pod.name, spec: { nodeName: NODE } });
    const metadata = { ...body.metadata, finalizers: ['example.com/mine'] };
    await create(scene.as.edit, { ...body, metadata });
    expect(await rejection(scene.as.edit, requestOf(pod, deletion('delete', LONGEST), false))).toBe('');
    expect(await rejection(scene.as.edit, requestOf(pod, deletion('delete', 0), false))).toContain(
      'grace period 0',
    );
    await scene.as.edit.request(merge(pathOf(pod), { metadata: { finalizers: null } }));
    expect(await exists(pod)).toBe(true);
  });

  test('is gone at once outside of workspaces', async () => {
    const pod = first(PLAIN);
    expect(await rejection(scene.as.edit, requestOf(pod, deletion('delete', 0), false))).toBe('');
    expect(await exists(pod)).toBe(false);
  });
});

test('a new pod has a grace, so that no controller and no eviction removes it at once', async () => {
  for (const terminationGracePeriodSeconds of [0, 1, 30, -5, undefined]) {
    const request = createPod(READY, { spec: { terminationGracePeriodSeconds } });
    const { spec } = (await scene.as.edit.request(request)) as {
      readonly spec: { readonly terminationGracePeriodSeconds: number };
    };
    const given = terminationGracePeriodSeconds ?? 30;
    expect(spec.terminationGracePeriodSeconds).toBe(Math.max(given, 1));
  }
  const plain = createPod(PLAIN, { spec: { terminationGracePeriodSeconds: 0 } });
  expect(await scene.as.edit.request(plain)).toMatchObject({ spec: { terminationGracePeriodSeconds: 0 } });
});

describe('a pod that could keep a gateway waiting', () => {
  const SECONDS = [1, 30, LONGEST - 1, LONGEST, LONGEST + 1, LONG, 86_400, 2 ** 31];
  const seconds = fc.constantFrom(undefined, ...SECONDS);
  const probed = fc.record({ livenessProbe: seconds, startupProbe: seconds });
  const pods = fc.record({
    home: fc.constantFrom(READY, READY, PLAIN),
    own: seconds,
    containers: fc.array(probed, { maxLength: 2 }),
    sidecars: fc.array(probed, { maxLength: 2 }),
    product: fc.constantFrom(...Object.values(LANES)),
  });
  const containersOf = (name: string, probes: readonly object[], more: object) =>
    probes.map((grace, at) => ({
      ...{ name: `${name}-${at}`, image: 'none.invalid/app', ...more },
      ...Object.fromEntries(
        Object.entries(grace as Readonly<Record<string, number | undefined>>)
          .filter(([, terminationGracePeriodSeconds]) => terminationGracePeriodSeconds !== undefined)
          .map(([probe, terminationGracePeriodSeconds]) => [
            probe,
            { exec: { command: ['true'] }, terminationGracePeriodSeconds },
          ]),
      ),
    }));
  const isLong = (one: number | undefined): boolean => (one ?? 0) > LONGEST;

  test('does not start in a workspace, whether it or a probe of a container has the grace', async () => {
    const seen = { pod: 0, probe: 0, none: 0 };
    await fc.assert(
      fc.asyncProperty(pods, async ({ home, own, containers, sidecars, product: [product, account] }) => {
        const spec = {
          ...(own === undefined ? {} : { terminationGracePeriodSeconds: own }),
          ...(home === READY ? { serviceAccountName: account } : {}),
          containers: [
            { name: 'main', image: 'none.invalid/app' },
            ...containersOf('second', containers, {}),
          ],
          initContainers: containersOf('sidecar', sidecars, { restartPolicy: 'Always' }),
        };
        const labels = home === READY ? { [PRODUCT_LABEL]: product } : {};
        const sentence = await rejection(scene.as.edit, createPod(home, { labels, spec }));
        const probes = [...containers, ...sidecars].flatMap((one) => Object.values(one));
        const fault = home === PLAIN ? 'none' : isLong(own) ? 'pod' : probes.some(isLong) ? 'probe' : 'none';
        seen[fault] += 1;
        const sentences = {
          none: '',
          pod: `Cannot start a pod with terminationGracePeriodSeconds ${own} in workspace "${home}": a gateway that needs its place could have to wait that long. Use ${LONGEST} or less`,
          probe: `Cannot start a pod with a terminationGracePeriodSeconds of more than ${LONGEST} in a livenessProbe or startupProbe in workspace "${home}"`,
        };
        if (fault === 'none') expect(sentence).toBe('');
        else expect(sentence).toContain(sentences[fault]);
      }),
      { numRuns: 200, seed: SEED },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
  });

  test('does not leave a gate where it was made before its Namespace was a workspace', async () => {
    const gates = { metadata: { labels: { [WORKSPACE_LABEL]: null } } };
    await scene.root.request(merge(`/api/v1/namespaces/${JOINING}`, gates));
    await until('pods to be admitted', () => rejection(scene.root, createPod(JOINING, {})));
    for (const own of [LONGEST, LONG]) {
      const spec = { terminationGracePeriodSeconds: own, schedulingGates: [{ name: 'example.com/wait' }] };
      await create(scene.root, podOf(JOINING, { name: `gated-${own}`, spec }));
    }
    const label = { metadata: { labels: { [WORKSPACE_LABEL]: '107' } } };
    await scene.root.request(merge(`/api/v1/namespaces/${JOINING}`, label));
    const open = (own: number) =>
      rejection(
        scene.root,
        merge(`/api/v1/namespaces/${JOINING}/pods/gated-${own}`, { spec: { schedulingGates: null } }),
      );
    await until('the Namespace to be a workspace', async () => {
      const sentence = await rejection(scene.root, createPod(JOINING, {}));
      return sentence === '' ? 'a pod starts' : '';
    });
    expect(await open(LONG)).toContain(`Cannot start a pod with terminationGracePeriodSeconds ${LONG}`);
    expect(await open(LONGEST)).toBe('');
  });
});
