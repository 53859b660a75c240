// Who may write what only the operator writes: every protection of the generated policies, times every verb and
// subresource that the API server says it has, times those who might try. What is put to it is generated from both; the
// samples and the people are all that stands here. Every request is a dry run: admission treats it like any other.
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { renderAdmission } from '../../operator/manifests/admission/admission.ts';
import {
  API_ACCOUNT,
  accountUser,
  GATEWAY_ACCOUNT,
  INGRESS_ACCOUNT,
  OPERATOR_ACCOUNT,
  POD_NAME_EXTRA,
  SYSTEM_NAMESPACE,
  USUAL_INSTALLATION,
} from '../../operator/model/system-names.ts';
import {
  type AdmissionScene,
  apply,
  create,
  READY,
  startAdmissionScene,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { SAMPLES, type Sample } from '../support/cluster/protected-samples.ts';

const AT_ONCE = 8;

interface Policy {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly auditAnnotations?: readonly { readonly key: string }[];
    readonly matchConstraints: {
      readonly resourceRules: readonly {
        readonly apiGroups: readonly [string];
        readonly apiVersions: readonly [string];
        readonly resources: readonly string[];
        readonly operations: readonly string[];
      }[];
    };
  };
}

/** The operator itself replaces nothing. */
type Write = Omit<ApiRequest, 'method'> & { readonly method: ApiRequest['method'] | 'PUT' };

interface Attempt {
  readonly protection: string;
  readonly resource: string;
  readonly verb: string;
  readonly request: Write;
  readonly kept: Sample['kept'];
  readonly before: unknown;
}

type Outcome = 'written' | 'without effect' | 'protected' | 'rejected otherwise';

interface Identity {
  readonly user: string;
  readonly extra?: Readonly<Record<string, string>>;
  /** The protections let it write; what its roles say is another matter. */
  readonly passes: (attempt: Attempt) => boolean;
  /** Has all rights there are, so that nothing but admission stands before it. */
  readonly mayAll?: boolean;
}

const controller = (name: string): string => accountUser('kube-system', name);
const removes = ({ verb }: Attempt): boolean => verb !== 'create';
const never = (): boolean => false;
/** What it would create has another name. */
const isReport = ({ resource, verb }: Attempt): boolean => resource === 'gatewayreports' && verb !== 'create';
/** Of the whole pool. */
const isSlice = ({ resource }: Attempt): boolean => resource === 'endpointslices';

const IDENTITIES: Readonly<Record<string, Identity>> = {
  'a member of system:masters': { user: 'root', passes: never, mayAll: true },
  'a cluster-admin': { user: 'chief', passes: never, mayAll: true },
  'a ServiceAccount that is cluster-admin': {
    user: accountUser('default', 'power'),
    passes: never,
    mayAll: true,
  },
  'the role admin': { user: 'admin', passes: never },
  'the role edit': { user: 'edit', passes: never },
  'an account admin': { user: 'account-admin', passes: never },
  'a lead who may write Namespaces': { user: 'lead', passes: never },
  'another ServiceAccount': { user: accountUser(READY, 'default'), passes: never },
  'a gateway of another name': {
    user: accountUser(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT),
    extra: { [POD_NAME_EXTRA]: 'gw-2' },
    passes: isSlice,
  },
  'the gateway of that name': {
    user: accountUser(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT),
    extra: { [POD_NAME_EXTRA]: 'gw-1' },
    passes: (attempt) => isReport(attempt) || isSlice(attempt),
  },
  'an ingress gateway of that name, over a report of egress': {
    user: accountUser(SYSTEM_NAMESPACE, INGRESS_ACCOUNT),
    extra: { [POD_NAME_EXTRA]: 'gw-1' },
    passes: never,
  },
  'the API pod of that name': {
    user: accountUser(SYSTEM_NAMESPACE, API_ACCOUNT),
    extra: { [POD_NAME_EXTRA]: 'api-1' },
    passes: ({ resource, verb }) => resource === 'callerreports' && verb !== 'create',
  },
  'an API pod of another name': {
    user: accountUser(SYSTEM_NAMESPACE, API_ACCOUNT),
    extra: { [POD_NAME_EXTRA]: 'api-2' },
    passes: never,
  },
  'a gateway with the name of an API pod': {
    user: accountUser(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT),
    extra: { [POD_NAME_EXTRA]: 'api-1' },
    passes: isSlice,
  },
  'a pod of that name elsewhere': {
    user: accountUser(READY, 'default'),
    extra: { [POD_NAME_EXTRA]: 'gw-1' },
    passes: never,
  },
  'an operator of another Namespace': { user: accountUser(READY, OPERATOR_ACCOUNT), passes: never },
  'the operator': { user: accountUser(SYSTEM_NAMESPACE, OPERATOR_ACCOUNT), passes: () => true },
  'the garbage collector': { user: controller('generic-garbage-collector'), passes: removes },
  'the namespace controller': { user: controller('namespace-controller'), passes: removes },
  'the controller manager': { user: 'system:kube-controller-manager', passes: removes },
  'the controller of EndpointSlices': { user: controller('endpointslice-controller'), passes: never },
  'the controller of ReplicaSets': { user: controller('replicaset-controller'), passes: never },
};

let scene: AdmissionScene;
let attempts: readonly Attempt[];

beforeAll(async () => {
  scene = await startAdmissionScene();
  for (const [name, user] of Object.entries({ chief: 'chief', power: accountUser('default', 'power') })) {
    await create(scene.root, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: user }],
    });
  }
  const gateway = await scene.actingAs(accountUser(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT), {
    [POD_NAME_EXTRA]: 'gw-1',
  });
  const desk = await scene.actingAs(accountUser(SYSTEM_NAMESPACE, API_ACCOUNT), {
    [POD_NAME_EXTRA]: 'api-1',
  });
  for (const [plural, { object }] of Object.entries(SAMPLES)) {
    if (plural === 'namespaces') continue;
    const writer =
      { gatewayreports: gateway, endpointslices: gateway, callerreports: desk, pods: scene.as.edit }[
        plural
      ] ?? scene.operator;
    // Only an apply says the name, by which the operator may write roles.
    await (plural.startsWith('role') ? apply(writer, object) : create(writer, object));
  }
  attempts = (await Promise.all(protectionsOfPolicies().map(attemptsAt))).flat();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

type ResourceRule = Policy['spec']['matchConstraints']['resourceRules'][number];

/** Those that let nobody but the operator through. */
function protectionsOfPolicies(): readonly { readonly protection: string; readonly rule: ResourceRule }[] {
  const policies = renderAdmission(USUAL_INSTALLATION) as unknown as readonly Policy[];
  return policies
    .filter(({ spec }) => spec.auditAnnotations?.some(({ key }) => key === 'break-glass'))
    .flatMap(({ metadata, spec }) =>
      spec.matchConstraints.resourceRules.map((rule) => ({ protection: metadata.name, rule })),
    );
}

/** Verbs of the API, and which of a policy's operations each is. */
const OPERATIONS: Readonly<Record<string, string>> = {
  create: 'CREATE',
  update: 'UPDATE',
  patch: 'UPDATE',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};

async function attemptsAt({
  protection,
  rule,
}: {
  readonly protection: string;
  readonly rule: ResourceRule;
}): Promise<readonly Attempt[]> {
  const [group] = rule.apiGroups;
  const [version] = rule.apiVersions;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const { resources } = (await scene.root.request({ method: 'GET', path: root })) as {
    readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
  };
  const plurals = rule.resources.filter((resource) => !resource.includes('/'));
  const protectedObject = resources.filter(({ name }) => plurals.includes(name.split('/')[0] ?? ''));
  const ways = protectedObject.flatMap(({ name, verbs }) =>
    verbs
      .filter((verb) => rule.operations.includes(OPERATIONS[verb] ?? ''))
      // Objects of another kind, such as a Binding, and connections.
      .filter((verb) => (verb !== 'create' || !name.includes('/')) && !name.endsWith('/proxy'))
      .map((verb) => ({ root, name, verb })),
  );
  return Promise.all(ways.map((way) => attemptOf(protection, way)));
}

interface Way {
  readonly root: string;
  /** "services/status". */
  readonly name: string;
  readonly verb: string;
}

async function attemptOf(protection: string, { root, name, verb }: Way): Promise<Attempt> {
  const [plural = '', subresource] = name.split('/');
  const { object, change, kept } = SAMPLES[plural] ?? noSample(plural);
  const { namespace } = object.metadata;
  const collection = `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
  const one = [collection, object.metadata.name, subresource].filter(Boolean).join('/');
  const stored = await scene.root.request({
    method: 'GET',
    path: one.replace(/\/(?:finalize|binding)$/, ''),
  });
  const attempt = { protection, resource: name, verb, kept, before: kept(stored) };
  const merged = merge(stored, change);
  const requests: Readonly<Record<string, Write>> = {
    create: {
      method: 'POST',
      path: collection,
      body: merge(object, change, { metadata: { name: 'another' } }),
    },
    update: { method: 'PUT', path: one, body: merged },
    patch: { method: 'PATCH', path: one, body: change, contentType: 'application/merge-patch+json' },
    delete: { method: 'DELETE', path: one },
    deletecollection: { method: 'DELETE', path: collection },
  };
  const request = requests[verb];
  if (request === undefined) throw new Error(`Cannot try verb "${verb}"`);
  return { ...attempt, request: { ...request, query: { dryRun: 'All' } } };
}

function merge(...objects: readonly unknown[]): unknown {
  return objects.reduce((into, from) => {
    if (typeof from !== 'object' || from === null || Array.isArray(from)) return from;
    const base = (typeof into === 'object' && into !== null ? into : {}) as Record<string, unknown>;
    const entries = Object.entries(from).map(([key, value]) => [key, merge(base[key], value)]);
    return { ...base, ...Object.fromEntries(entries) };
  });
}

function noSample(plural: string): never {
  throw new Error(`Cannot try "${plural}": add a sample of it`);
}

async function outcomeOf(
  api: KubernetesApi,
  { protection, request, kept, before }: Attempt,
): Promise<Outcome> {
  try {
    const answer = await api.request(request as ApiRequest);
    const isChange = request.method === 'PUT' || request.method === 'PATCH';
    return isChange && kept(answer) === before ? 'without effect' : 'written';
  } catch (error) {
    const { message } = error as Error;
    return message.includes(`'${protection}'`) ? 'protected' : 'rejected otherwise';
  }
}

const notified = ({ protection, resource, verb }: Attempt): string => `${protection}: ${verb} ${resource}`;

describe.each(Object.entries(IDENTITIES))('%s', (_, { user, extra, passes, mayAll = false }) => {
  it('is stopped by every protection that is not for it', async () => {
    const api = user === 'root' ? scene.root : await scene.actingAs(user, extra);
    const queue = [...attempts];
    const wrong: string[] = [];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const outcome = await outcomeOf(api, next);
        const isRight = passes(next)
          ? outcome !== 'protected'
          : outcome === 'protected' ||
            outcome === 'without effect' ||
            (outcome === 'rejected otherwise' && !mayAll);
        if (!isRight) wrong.push(`${notified(next)} is ${outcome}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(wrong).toEqual([]);
  });
});

it('asks of every protected kind and verb', () => {
  const asked = [...new Set(attempts.map(({ resource, verb }) => `${verb} ${resource}`))].toSorted();
  console.log(
    `${attempts.length} attempts, ${Object.keys(IDENTITIES).length} identities: ${asked.join(', ')}`,
  );
  expect(new Set(attempts.map(({ protection }) => protection)).size).toBe(protectionsOfPolicies().length);
  expect(attempts.length).toBeGreaterThan(30);
});
