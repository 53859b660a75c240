// A second reading of what the operator may write, for generated requests of its identity: by the list of paths that a
// request would change, where the admission policies compare fields. In: an object before and after. Out: yes or no.
import { LANES } from '../../../operator/model/lane.ts';
import { openingsOf, type PodSpec } from '../../../operator/model/pod-openings.ts';
import { hasStarted, type PodStatus } from '../../../operator/model/pod-status.ts';
import { REVISION } from './admission-scene.ts';

export interface Stored {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The Namespaces that are workspaces, or were. */
export type Workspaces = ReadonlySet<string>;

type Json = unknown;

const OWNED_KINDS =
  /^(?:NetworkPolicy networking\.k8s\.io|Service |EgressTable |WorkspacePlan |IngressPlan |Role |RoleBinding )/;
const OURS = 'sallyport.dev/v1alpha1';

/** RFC 7386. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/** "metadata.labels.app", for each leaf that differs; maps that are empty count as absent. */
export function changedPaths(before: Json, after: Json, path: readonly string[] = []): readonly string[] {
  if (isObject(before) || isObject(after)) {
    const [one, other] = [before, after].map((value) => (isObject(value) ? value : {}));
    const keys = new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})]);
    return [...keys].flatMap((key) => changedPaths(one?.[key], other?.[key], [...path, key]));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path.join(' ')];
}

const STAMPS =
  /^metadata (?:labels sallyport\.dev\/(?:lane|product|stamp)|annotations sallyport\.dev\/(?:moved-(?:from|at)|exempted-at|isolated-by))$/;
const OWN_ANNOTATIONS = /^metadata annotations sallyport\.dev\/(?!(?:adopt|break-glass)$)/;
const OWN_LABELS = /^metadata labels (?:app\.kubernetes\.io\/managed-by|sallyport\.dev\/for-workspace)$/;

export function mayPatch(before: Stored, after: Stored, workspaces: Workspaces): boolean {
  const paths = changedPaths(before, after);
  const only = (allowed: RegExp): boolean => paths.every((path) => allowed.test(path));
  if (OWNED_KINDS.test(keyOf(before))) return isOurs(before) && isOurs(after) && isPlain(after);
  const byKind: Readonly<Record<string, () => boolean>> = {
    Pod: () =>
      workspaces.has(before.metadata.namespace ?? '') &&
      only(STAMPS) &&
      isItsWay(before, after) &&
      saysExemption(before, after),
    Namespace: () => only(OWN_ANNOTATIONS) && workspaces.has(before.metadata.name),
    PolicyAssignment: () => only(OWN_LABELS),
    Event: () => [before, after].every(isOurEvent),
    Lease: () => isOurLease(before),
  };
  return byKind[before.kind]?.() ?? false;
}

export function mayCreate(object: Stored, workspaces: Workspaces): boolean {
  const { name, namespace = '' } = object.metadata;
  const isHome = namespace === 'sallyport-system';
  if (keyOf(object) === `NetworkPolicy ${OURS}`) return name === 'default-policy';
  if (OWNED_KINDS.test(keyOf(object))) {
    const isPlace =
      isHome || (['NetworkPolicy', 'Role', 'RoleBinding'].includes(object.kind) && workspaces.has(namespace));
    return isPlace && isOurs(object) && isPlain(object);
  }
  const byKind: Readonly<Record<string, () => boolean>> = {
    PolicyAssignment: () => isOurs(object) && saysNothing(object),
    Event: () => isOurEvent(object),
    Lease: () => isOurLease(object),
    // No pod of a Namespace that is no workspace carries a stamp.
    Pod: () =>
      namespace === 'sallyport-canary' &&
      isCanary(object) &&
      changedPaths({}, { metadata: object.metadata }).every((path) => !STAMPS.test(path)),
  };
  return byKind[object.kind]?.() ?? false;
}

export function mayDelete(object: Stored): boolean {
  if (object.kind === 'Pod') return object.metadata.namespace === 'sallyport-canary' && isNamedCanary(object);
  if (object.kind === 'PolicyAssignment') return isOurs(object) && saysNothing(object);
  return OWNED_KINDS.test(keyOf(object)) && isOurs(object);
}

/** One that has run, and goes into a stricter lane, says that a deadline did it; no other starts to say that. */
function isItsWay(before: Stored, after: Stored): boolean {
  const [old = {}, now = {}] = [before, after].map(({ metadata }) => metadata.labels ?? {});
  const ran = hasStarted(before['status'] as PodStatus | undefined);
  const [from, lane] = [old['sallyport.dev/lane'], now['sallyport.dev/lane']];
  if (ran && from !== undefined && from !== lane)
    return isStricterAndTold(before, after) && isByDeadline(before, after);
  return isolatedByOf(before) === isolatedByOf(after) && isHeldOrExempt(before, after);
}

function isHeldOrExempt(before: Stored, after: Stored): boolean {
  const [old = {}, now = {}] = [before, after].map(({ metadata }) => metadata.labels ?? {});
  const [from, lane] = [old['sallyport.dev/lane'], now['sallyport.dev/lane']];
  const isSilent = changedPaths(movesOf(before), movesOf(after)).length === 0;
  if (changedPaths(old, now).length === 0) return isSilent;
  if (from !== undefined) return isStricterAndTold(before, after);
  const isTold = lane === 'full' ? isSilent : saysMoveFrom(after, 'full');
  return isTold && isFirst(before, now, hasStarted(before['status'] as PodStatus | undefined));
}

function isStricterAndTold(before: Stored, after: Stored): boolean {
  const [old = {}, now = {}] = [before, after].map(({ metadata }) => metadata.labels ?? {});
  const [from = '', lane] = [old['sallyport.dev/lane'], now['sallyport.dev/lane']];
  const isStricter = changedPaths(old, now).length === 1 && strictness(lane) > strictness(from);
  return isStricter && saysMoveFrom(after, from);
}

type Labels = Readonly<Record<string, string>>;

function isFirst(before: Stored, now: Labels, ran: boolean): boolean {
  const paths = changedPaths(before.metadata.labels ?? {}, now);
  const lane = now['sallyport.dev/lane'];
  const isGeneral = now['sallyport.dev/product'] === 'GENERAL' && !paths.includes('sallyport.dev/stamp');
  return isGeneral && firstLanes(before['spec'] as PodSpec | undefined, ran).includes(lane ?? '');
}

/** Where new pods of the product go, in the one workspace that is ready (admission-scene.ts). */
const IN_FORCE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  analytics: { DBSQL: 'dry-run', ML_BUILD: 'full', PROVISIONED_THROUGHPUT: 'sealed' },
};

function laneInForce({ metadata: { namespace = '', labels = {} } }: Stored): string | undefined {
  const lanes = IN_FORCE[namespace];
  return lanes && (lanes[labels['sallyport.dev/product'] ?? ''] ?? 'enforced');
}

/** Of a pod that has not the lane of now from admission, and whose product has a more open lane than GENERAL now. */
function mayBeUngranted(pod: Stored): boolean {
  const isOpen = ['full', 'dry-run'].includes(laneInForce(pod) ?? '');
  const isFormer = pod.metadata.labels?.['sallyport.dev/stamp'] !== REVISION;
  return isOpen && (isFormer || movesOf(pod)[0] !== undefined);
}

function isByDeadline(before: Stored, after: Stored): boolean {
  const lane = after.metadata.labels?.['sallyport.dev/lane'];
  const isTold = isolatedByOf(after) === 'STALE_WORKLOADS';
  const isInForce = lane === laneInForce(before) || (lane === 'enforced' && mayBeUngranted(before));
  return isTold && isInForce && !isOnHostNetwork(before);
}

function isOnHostNetwork(pod: Stored): boolean {
  return openingsOf((pod['spec'] ?? {}) as PodSpec).includes('hostNetwork');
}

function isolatedByOf({ metadata: { annotations = {} } }: Stored): string | undefined {
  return annotations['sallyport.dev/isolated-by'];
}

function movesOf({ metadata: { annotations = {} } }: Stored): readonly (string | undefined)[] {
  return ['from', 'at'].map((what) => annotations[`sallyport.dev/moved-${what}`]);
}

/** Only together with lane full, and only a time. */
function saysExemption(before: Stored, after: Stored): boolean {
  const of = ({ metadata: { labels = {}, annotations = {} } }: Stored) => ({
    lane: labels['sallyport.dev/lane'],
    at: annotations['sallyport.dev/exempted-at'],
  });
  const [old, now] = [of(before), of(after)];
  return old.at === now.at || (old.lane === undefined && now.lane === 'full' && isInstant(now.at));
}

function isInstant(text = ''): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text);
}

function saysMoveFrom(pod: Stored, former: string): boolean {
  const [from = '', at = ''] = movesOf(pod);
  const isOpen = strictness(from) >= 0 && strictness(from) <= strictness(former);
  return isOpen && isInstant(at);
}

/** Of a pod without a lane. */
function firstLanes(spec: PodSpec = {}, ran = false): readonly string[] {
  const openings = openingsOf(spec);
  if (openings.includes('hostNetwork')) return ['full'];
  return [ran ? 'full' : 'sealed', ...(openings.length > 0 ? ['sealed'] : [])];
}

function strictness(lane: string | undefined): number {
  return LANES.findIndex((known) => known === lane);
}

function keyOf({ kind, apiVersion }: Stored): string {
  return `${kind} ${apiVersion}`;
}

function isOurs({ metadata }: Stored): boolean {
  return metadata.labels?.['app.kubernetes.io/managed-by'] === 'sallyport';
}

function saysNothing({ spec }: Stored): boolean {
  return (
    !isObject(spec) || spec['networkPolicyId'] === undefined || spec['networkPolicyId'] === 'default-policy'
  );
}

function isPlain(object: Stored): boolean {
  const { kind, spec } = object;
  if (kind === 'Role' || kind === 'RoleBinding') return isIngressTls(object);
  if (kind !== 'Service' || !isObject(spec)) return true;
  const { type = 'ClusterIP', externalIPs = [], selector = {} } = spec;
  return (
    type === 'ClusterIP' &&
    [externalIPs, selector].every((value) => Object.keys(value as object).length === 0)
  );
}

/** Ingress gateways may read one Secret, and nothing else follows from it. */
function isIngressTls({ kind, metadata, rules, roleRef, subjects }: Stored): boolean {
  if (metadata.name !== 'sallyport-ingress-tls') return false;
  const found = kind === 'Role' ? { rules: withoutSecretName(rules) } : { roleRef, subjects };
  return changedPaths(kind === 'Role' ? ONE_SECRET : TO_INGRESS_GATEWAYS, found).length === 0;
}

const ONE_SECRET = {
  rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: 1, verbs: ['get', 'list', 'watch'] }],
};
const TO_INGRESS_GATEWAYS = {
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'sallyport-ingress-tls' },
  subjects: [{ kind: 'ServiceAccount', name: 'sallyport-ingress', namespace: 'sallyport-system' }],
};

/** How many names, in place of the names; in one order of the fields. */
function withoutSecretName(rules: Json): Json {
  if (!Array.isArray(rules)) return rules;
  return rules.map(({ apiGroups, resources, resourceNames, verbs, ...more }: Record<string, Json>) => ({
    ...{ apiGroups, resources, resourceNames: Array.isArray(resourceNames) ? resourceNames.length : 0 },
    ...{ verbs, ...more },
  }));
}

function isNamedCanary({ metadata }: Stored): boolean {
  return metadata.labels?.['app.kubernetes.io/name'] === 'sallyport-canary';
}

const IN_NO_CANARY =
  /^(?:metadata (?:ownerReferences|finalizers)|initContainers|volumes|hostNetwork|hostPID|hostIPC|hostAliases|resourceClaims|containers (?:command|env|envFrom|volumeMounts|volumeDevices))(?: |$)/;

/** With any of those fields, or other values of these, it is another pod. */
function isCanary(object: Stored): boolean {
  const { containers, ...spec } = object['spec'] as {
    readonly containers: readonly Readonly<Record<string, Json>>[];
    readonly [field: string]: Json;
  };
  const [container, ...more] = containers;
  const { ownerReferences, finalizers } = object.metadata as Readonly<Record<string, Json>>;
  const fields = { ...spec, containers: container, metadata: { ownerReferences, finalizers } };
  const said = {
    account: spec['serviceAccountName'],
    token: spec['automountServiceAccountToken'],
    restarts: spec['restartPolicy'],
    isShort: Number(spec['activeDeadlineSeconds'] ?? Number.NaN) <= 60,
    role: (container?.['args'] as readonly string[] | undefined)?.[0],
  };
  const wanted = {
    ...{ account: 'sallyport-canary', token: false, restarts: 'Never', isShort: true, role: 'canary' },
  };
  return (
    isNamedCanary(object) &&
    more.length === 0 &&
    changedPaths(wanted, said).length === 0 &&
    changedPaths({}, fields).every((path) => !IN_NO_CANARY.test(path))
  );
}

function isOurEvent(event: Stored): boolean {
  return event['reportingController'] === 'sallyport.dev/operator';
}

function isOurLease({ metadata }: Stored): boolean {
  return metadata.name === 'sallyport-operator' && metadata.namespace === 'sallyport-system';
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
