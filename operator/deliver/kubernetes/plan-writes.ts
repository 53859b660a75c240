// Wanted and stored objects -> the writes. None where nothing differs, so that a pass over an unchanged cluster writes
// nothing.
import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';
import { memoize } from '../../lib/memo.ts';

export interface WritePlan {
  readonly apply: readonly KubernetesObject[];
  readonly remove: readonly KubernetesObject[];
}

/** `isOurs`: whether a stored object is deleted when it is no longer wanted. */
export function planWrites(
  desired: readonly KubernetesObject[],
  observed: ReadonlyMap<string, KubernetesObject>,
  isOurs: (object: KubernetesObject) => boolean,
): WritePlan {
  const wanted = new Set(desired.map(objectKey));
  return {
    apply: desired.filter((object) => isNews(object, observed.get(objectKey(object)))),
    remove: [...observed]
      .filter(([key, object]) => !wanted.has(key) && isOurs(object))
      .map(([, object]) => object)
      // An object that waits for a finalizer has been deleted already.
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined),
  };
}

const isNews = memoize(differs);

/**
 * Defaults of the server. Every other stored field that is not wanted counts as a difference: a label added to a
 * podSelector would open a hole without removing anything.
 */
const FILLED_IN: FilledIn = {
  Service: { spec: { clusterIP: true, clusterIPs: true, ipFamilies: true, ports: { nodePort: true } } },
  EndpointSlice: { endpoints: { conditions: { serving: true, terminating: true } } },
};

interface FilledIn {
  readonly [field: string]: true | FilledIn;
}

type Fields = Readonly<Record<string, unknown>>;

export function differs(desired: KubernetesObject, stored: KubernetesObject | undefined): boolean {
  if (stored === undefined) return true;
  const { apiVersion: _, kind, metadata, ...content } = desired;
  const { labels, annotations } = stored.metadata;
  return !(
    hasAll(metadata.labels, labels) &&
    hasAll(metadata.annotations, annotations) &&
    Object.entries(content).every(([field, value]) =>
      isSame(value, stored[field], within(within(FILLED_IN, kind), field)),
    )
  );
}

function hasAll(wanted: Fields = {}, present: Fields = {}): boolean {
  return Object.entries(wanted).every(([name, text]) => present[name] === text);
}

function within(filledIn: FilledIn | undefined, field: string): FilledIn | undefined {
  const inner = filledIn?.[field];
  return inner === true ? undefined : inner;
}

function isSame(wanted: unknown, stored: unknown, filledIn: FilledIn | undefined): boolean {
  if (typeof wanted !== 'object' || typeof stored !== 'object') return wanted === stored;
  if (wanted === null || stored === null) return wanted === stored;
  if (!Array.isArray(wanted)) return isSameObject(wanted as Fields, stored as Fields, filledIn);
  if (!Array.isArray(stored) || wanted.length !== stored.length) return false;
  return wanted.every((item, at) => isSame(item, stored[at], filledIn));
}

function isSameObject(wanted: Fields, stored: Fields, filledIn: FilledIn | undefined): boolean {
  return (
    Object.keys(stored).every((field) => field in wanted || filledIn?.[field] === true) &&
    Object.entries(wanted).every(([field, value]) =>
      stored[field] === undefined
        ? isLeftOut(field, value)
        : isSame(value, stored[field], within(filledIn, field)),
    )
  );
}

/** Kubernetes' own kinds are stored without lists and labels that are empty; an empty selector is stored. */
function isLeftOut(field: string, value: unknown): boolean {
  if (value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return field === 'matchLabels' && Object.keys(value as Fields).length === 0;
}
