// A stolen token of the operator: generated requests of its identity, which has all rights here, so that nothing but
// the admission policies stands before it. Whatever touches what is not Sallyport's is rejected, and what is its work
// is not; a second reading of both (operator-oracle.ts) says which is which.
import fc from 'fast-check';
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  ADOPT_ANNOTATION,
  BREAK_GLASS_ANNOTATION,
  EXEMPTED_AT_ANNOTATION,
  ISOLATED_BY_ANNOTATION,
  LANE_LABEL,
  laneAnnotation,
  MOVED_AT_ANNOTATION,
  MOVED_FROM_ANNOTATION,
  PRODUCT_LABEL,
  STAMP_ANNOTATION,
  STAMP_LABEL,
} from '../../operator/model/stamp.ts';
import {
  CANARY_NAMESPACE,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  SYSTEM_NAMESPACE,
  WORKSPACE_NAME_LABEL,
} from '../../operator/model/system-names.ts';
import { TIER_LABEL, WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import {
  type AdmissionScene,
  dryRun,
  PLAIN,
  READY,
  rejection,
  startAdmissionScene,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import {
  changedPaths,
  mayCreate,
  mayDelete,
  mayPatch,
  mergePatch,
  type Stored,
} from '../support/cluster/operator-oracle.ts';
import { makeTargets, type Target, WORKSPACES } from '../support/cluster/stolen-token-scene.ts';

const RUNS = 2500;
const SEED = 20270131;
const OURS = 'sallyport.dev/v1alpha1';

let scene: AdmissionScene;
let targets: readonly Target[];

beforeAll(async () => {
  scene = await startAdmissionScene();
  targets = await makeTargets(scene);
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function merge(path: string, body: unknown): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

const LABEL_KEYS = [
  MANAGED_BY_LABEL,
  WORKSPACE_NAME_LABEL,
  LANE_LABEL,
  PRODUCT_LABEL,
  STAMP_LABEL,
  WORKSPACE_LABEL,
  TIER_LABEL,
  'app',
  'sallyport.dev/x',
];
const LABEL_VALUES = [
  MANAGED_BY,
  'full',
  'dry-run',
  'enforced',
  'sealed',
  'mine',
  'GENERAL',
  'DBSQL',
  'x',
  null,
];
const ANNOTATION_KEYS = [
  STAMP_ANNOTATION,
  laneAnnotation('APPS'),
  ADOPT_ANNOTATION,
  BREAK_GLASS_ANNOTATION,
  'note',
  MOVED_AT_ANNOTATION,
  EXEMPTED_AT_ANNOTATION,
  ISOLATED_BY_ANNOTATION,
  'sallyport.dev/new',
];
const moved = (from: string, at = '2027-01-31T00:00:00.000Z') => ({
  metadata: { annotations: { [MOVED_FROM_ANNOTATION]: from, [MOVED_AT_ANNOTATION]: at } },
});
const exempted = (at: string) => ({ metadata: { annotations: { [EXEMPTED_AT_ANNOTATION]: at } } });
const isolated = (by: string) => ({ metadata: { annotations: { [ISOLATED_BY_ANNOTATION]: by } } });
const lane = (value: string, more = {}) => ({ metadata: { labels: { [LANE_LABEL]: value, ...more } } });

const secretRule = (name: string) => ({
  apiGroups: [''],
  resources: ['secrets'],
  resourceNames: [name],
  verbs: ['get', 'list', 'watch'],
});

/** What somebody with the token would like to change, of one kind or another. */
const CONTENT: readonly object[] = [
  { spec: { containers: [{ name: 'main', image: 'evil.invalid/app' }] } },
  { spec: { activeDeadlineSeconds: 5 } },
  { spec: { activeDeadlineSeconds: 61 } },
  { spec: { automountServiceAccountToken: true } },
  { spec: { restartPolicy: 'Always' } },
  { spec: { hostNetwork: true } },
  { spec: { serviceAccountName: 'default', serviceAccount: 'default' } },
  { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
  { spec: { containers: [{ name: 'main', image: 'evil.invalid/app', args: ['canary'] }] } },
  { metadata: { labels: { 'app.kubernetes.io/name': 'sallyport-canary' } } },
  { spec: { tolerations: [{ operator: 'Exists' }] } },
  { spec: { egress: [{}] } },
  { spec: { podSelector: { matchLabels: { none: 'of-them' } } } },
  { spec: { type: 'NodePort' } },
  { spec: { externalIPs: ['203.0.113.9'] } },
  { spec: { selector: { app: 'mine' } } },
  { endpoints: [{ addresses: ['10.0.0.9'] }] },
  { spec: { networkPolicyId: 'evil' } },
  { spec: { networkPolicyId: 'default-policy' } },
  { spec: { revision: 'other' } },
  { spec: { holderIdentity: 'me' } },
  { spec: { replicas: 3 } },
  { spec: { egress: { networkAccess: { restrictionMode: 'RESTRICTED_ACCESS' } } } },
  { series: { count: 2, lastObservedTime: '2027-01-31T00:00:00.000000Z' } },
  { data: { k: 'djE=' } },
  { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
  { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }] },
  { rules: [secretRule('another')] },
  { rules: [secretRule('cert'), secretRule('another')] },
  { subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'me' }] },
  { subjects: [{ kind: 'ServiceAccount', name: 'sallyport-gateway', namespace: SYSTEM_NAMESPACE }] },
  { metadata: { name: 'sallyport-ingress-tls' } },
  { metadata: { finalizers: ['example.com/stay'] } },
  { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'x' }] } },
  ...['full', 'sealed', 'enforced'].map((value) => lane(value, { [PRODUCT_LABEL]: 'GENERAL' })),
  ...['full', 'sealed', 'enforced', 'dry-run'].map((value) => lane(value)),
  ...['2027-01-31T00:00:00.000Z', 'now'].flatMap((at) => [
    exempted(at),
    ...['full', 'sealed'].map(
      (to) => mergePatch(lane(to, { [PRODUCT_LABEL]: 'GENERAL' }), exempted(at)) as object,
    ),
  ]),
  ...['full', 'enforced', 'sealed', 'none'].flatMap((from) => [
    ...['sealed', 'enforced'].flatMap((to) => [
      mergePatch(lane(to), moved(from)) as object,
      mergePatch(lane(to, { [PRODUCT_LABEL]: 'GENERAL' }), moved(from)) as object,
    ]),
    ...['sealed', 'enforced', 'full'].flatMap((to) =>
      ['STALE_WORKLOADS', 'x'].map(
        (by) => mergePatch(mergePatch(lane(to), moved(from)), isolated(by)) as object,
      ),
    ),
    isolated('STALE_WORKLOADS'),
    moved(from),
    mergePatch(lane('sealed'), moved(from, 'now')) as object,
  ]),
];

const edit = fc.oneof(
  fc
    .record({ key: fc.constantFrom(...LABEL_KEYS), value: fc.constantFrom(...LABEL_VALUES) })
    .map(({ key, value }) => ({ metadata: { labels: { [key]: value } } })),
  fc
    .record({ key: fc.constantFrom(...ANNOTATION_KEYS), value: fc.constantFrom('x', null) })
    .map(({ key, value }) => ({ metadata: { annotations: { [key]: value } } })),
  fc.constantFrom(...CONTENT),
);

const attempt = fc.record({
  at: fc.nat(),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  verb: fc.constantFrom('PATCH', 'PATCH', 'PATCH', 'POST', 'DELETE', 'apply'),
  subresource: fc.constantFrom(
    '',
    '',
    '',
    '',
    '',
    '/status',
    '/ephemeralcontainers',
    '/resize',
    '/scale',
    '/finalize',
  ),
  home: fc.constantFrom(READY, PLAIN, SYSTEM_NAMESPACE, 'kube-system', CANARY_NAMESPACE),
});

type Attempt = typeof attempt extends fc.Arbitrary<infer Value> ? Value : never;

interface Judged {
  readonly request: ApiRequest;
  readonly isItsWork: boolean;
  /** Whether that which came of it is the operator's work; the server drops what a kind does not have. */
  readonly wasItsWork: (answer: Stored) => boolean;
}

async function judge({ at, edits, verb, subresource, home }: Attempt): Promise<Judged> {
  const { path, object } = targets[at % targets.length] as Target;
  const stored = {
    ...((await scene.root.request({ method: 'GET', path })) as Stored),
    apiVersion: object.apiVersion,
    kind: object.kind,
  };
  const patched = (before: unknown): Stored => edits.reduce(mergePatch, before) as Stored;
  const patch = edits.reduce((one, other) => mergePatch(one, other) as object, {});
  if (verb === 'DELETE')
    return {
      request: { method: 'DELETE', path },
      isItsWork: mayDelete(stored),
      wasItsWork: () => mayDelete(stored),
    };
  if (verb === 'POST') {
    const { metadata, ...content } = object;
    const moved = metadata.namespace === undefined ? {} : { namespace: home };
    const body = patched({ ...content, metadata: { ...metadata, ...moved, name: 'another' } });
    const collection = path
      .slice(0, path.lastIndexOf('/'))
      .replace(/namespaces\/[^/]+\//, `namespaces/${home}/`);
    return {
      request: { method: 'POST', path: collection, body },
      isItsWork: mayCreate(body, WORKSPACES),
      wasItsWork: (answer) => mayCreate(answer, WORKSPACES),
    };
  }
  const after = patched(stored);
  const isStatus = subresource === '/status';
  const request = merge(`${path}${subresource}`, withoutNulls(patch, verb));
  const isOurStatus =
    isStatus &&
    stored.apiVersion === OURS &&
    !['EgressTable', 'WorkspacePlan', 'IngressPlan'].includes(stored.kind);
  return {
    request: verb === 'apply' ? applied(request, stored) : request,
    isItsWork: subresource === '' ? mayPatch(stored, after, WORKSPACES) : isOurStatus,
    wasItsWork: (answer) => {
      const changed = stripped(mergePatch(answer, { apiVersion: stored.apiVersion, kind: stored.kind }));
      if (changedPaths(stripped(stored), changed).length === 0) return true;
      return subresource === '' ? mayPatch(stripped(stored), changed, WORKSPACES) : isOurStatus;
    },
  };
}

/** Server-side apply removes nothing that another manager set. */
function withoutNulls(patch: object, verb: string): object {
  if (verb !== 'apply') return patch;
  return JSON.parse(JSON.stringify(patch, (_, value: unknown) => value ?? undefined)) as object;
}

function applied(
  request: ApiRequest,
  { apiVersion, kind, metadata: { name, namespace: home } }: Stored,
): ApiRequest {
  const metadata = { name, ...(home === undefined ? {} : { namespace: home }) };
  return {
    ...request,
    query: { fieldManager: 'sallyport-operator', force: 'true' },
    body: mergePatch(request.body, { apiVersion, kind, metadata }),
    contentType: 'application/apply-patch+yaml',
  };
}

/** Without what the server writes by itself. */
function stripped(object: unknown): Stored {
  return mergePatch(object, {
    metadata: { managedFields: null, resourceVersion: null, generation: null },
  }) as Stored;
}

/** What was wrong, or "". */
async function faultOf(
  { request, isItsWork, wasItsWork }: Judged,
  count: (what: string) => void,
): Promise<string> {
  try {
    const answer = (await scene.operator.request(dryRun(request))) as Stored;
    const isRight = wasItsWork(answer);
    count(isRight ? 'accepted' : 'accepted wrongly');
    return isRight ? '' : 'it was accepted';
  } catch (error) {
    const { message } = error as Error;
    const isByPolicy = message.includes("ValidatingAdmissionPolicy 'sallyport-");
    count(isByPolicy ? 'rejected by a policy' : 'rejected otherwise');
    return isByPolicy && isItsWork ? message : '';
  }
}

it(
  'does what the operator does, and nothing else',
  async () => {
    const counts: Record<string, number> = {};
    const count = (what: string): void => {
      counts[what] = (counts[what] ?? 0) + 1;
    };
    await fc.assert(
      fc.asyncProperty(attempt, async (tried) => {
        const judged = await judge(tried);
        const fault = await faultOf(judged, count);
        expect([fault, judged.request]).toEqual(['', judged.request]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} requests at ${targets.length} objects:`, counts);
    expect(counts['accepted']).toBeGreaterThan(RUNS / 20);
    expect(counts['rejected by a policy']).toBeGreaterThan(RUNS / 3);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);

describe('a running pod in a lane that new pods no longer get', () => {
  const isolation = mergePatch(
    mergePatch(lane('enforced'), moved('dry-run')),
    isolated('STALE_WORKLOADS'),
  ) as object;
  const answerTo = (pod: string, body: object): Promise<string> =>
    rejection(scene.operator, dryRun(merge(`/api/v1/namespaces/${READY}/pods/${pod}`, body)));

  it('may be isolated: it gets the lane that new ones get, and says why and when', async () => {
    expect(await answerTo('stale', isolation)).toBe('');
  });

  it('may be given the lane of GENERAL where nobody has asked whether it may use its product', async () => {
    expect(await answerTo('unasked', isolation)).toBe('');
  });

  it.each<[string, string, object]>([
    ['the lane of GENERAL, where it has the stamp of now', 'asked', {}],
    ['a stricter lane than that of GENERAL', 'unasked', lane('sealed')],
    ['a stricter lane than that', 'stale', lane('sealed')],
    ['a more open one', 'stale', lane('full')],
    ['another product', 'stale', { metadata: { labels: { [PRODUCT_LABEL]: 'DBSQL' } } }],
    ['no word of why', 'stale', { metadata: { annotations: { [ISOLATED_BY_ANNOTATION]: null } } }],
    ['another word', 'stale', isolated('ME')],
    ['no word of when', 'stale', { metadata: { annotations: { [MOVED_AT_ANNOTATION]: null } } }],
    ['a former lane stricter than its own', 'stale', moved('enforced')],
    ['the lane that it has', 'started', {}],
  ])('gets not %s', async (_, pod, more) => {
    expect(await answerTo(pod, mergePatch(isolation, more) as object)).toContain(
      `Cannot give pod "${pod}" lane`,
    );
  });

  it('may be isolated by nobody else, and no pod says so of itself', async () => {
    for (const person of [scene.as.edit, scene.as.admin, scene.as['account-admin']]) {
      const path = `/api/v1/namespaces/${READY}/pods/stale`;
      expect(await rejection(person, dryRun(merge(path, isolation)))).toMatch(/Cannot change labels/);
      expect(await rejection(person, dryRun(merge(path, isolated('STALE_WORKLOADS'))))).toMatch(
        /Cannot change labels/,
      );
    }
  });
});

describe('an eviction', () => {
  async function answerTo(home: string, name: string, deleteOptions?: object): Promise<string> {
    const path = `/api/v1/namespaces/${home}/pods/${name}`;
    const { metadata } = (await scene.root.request({ method: 'GET', path })) as {
      readonly metadata: { readonly uid: string };
    };
    const preconditions = { uid: metadata.uid };
    const body = {
      ...{ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace: home, name } },
      deleteOptions: deleteOptions ?? { preconditions },
    };
    return rejection(scene.operator, dryRun({ method: 'POST', path: `${path}/eviction`, body: { ...body } }));
  }

  it('is made by the operator of a pod of a workspace, by its uid', async () => {
    expect(await answerTo(READY, 'stale')).toBe('');
  });

  it.each<[string, string, string, object | undefined]>([
    ['outside of workspaces', PLAIN, 'plain', undefined],
    ['of the system', 'kube-system', 'dns', undefined],
    ['without the uid', READY, 'stale', {}],
    ['with a grace period', READY, 'stale', { gracePeriodSeconds: 1, preconditions: { uid: 'x' } }],
  ])('is denied %s', async (_, home, name, options) => {
    expect(await answerTo(home, name, options)).toContain(
      `Cannot evict pod "${name}" in Namespace "${home}"`,
    );
  });
});
