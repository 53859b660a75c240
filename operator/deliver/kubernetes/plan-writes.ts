// What is wanted against what is stored -> what must be written. Nothing where nothing differs, so that a pass over an
// unchanged world writes nothing.
import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';

export interface WritePlan {
  readonly apply: readonly KubernetesObject[];
  readonly remove: readonly KubernetesObject[];
}

/** `isOurs` says which of the stored objects go when nobody wants them any more. */
export function planWrites(
  desired: readonly KubernetesObject[],
  observed: ReadonlyMap<string, KubernetesObject>,
  isOurs: (object: KubernetesObject) => boolean,
): WritePlan {
  const wanted = new Set(desired.map(objectKey));
  return {
    apply: desired.filter((object) => differs(object, observed.get(objectKey(object)))),
    remove: [...observed]
      .filter(([key, object]) => !wanted.has(key) && isOurs(object))
      .map(([, object]) => object)
      // What waits for a finalizer has been deleted already.
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined),
  };
}

/**
 * What the server fills in by itself. Everything else that is stored and not wanted counts as a difference: a label
 * that somebody added to a podSelector would make a hole without taking anything away.
 */
const FILLED_IN: Readonly<Record<string, readonly string[]>> = {
  Service: ['spec.clusterIP', 'spec.clusterIPs', 'spec.ipFamilies', 'spec.ports.nodePort'],
  EndpointSlice: ['endpoints.conditions.serving', 'endpoints.conditions.terminating'],
};

export function differs(desired: KubernetesObject, stored: KubernetesObject | undefined): boolean {
  if (stored === undefined) return true;
  const { apiVersion: _, kind, metadata, ...content } = desired;
  const hasAll = (wanted: Texts = {}, present: Texts = {}): boolean =>
    Object.entries(wanted).every(([name, text]) => present[name] === text);
  if (!hasAll(metadata.labels, stored.metadata.labels)) return true;
  if (!hasAll(metadata.annotations, stored.metadata.annotations)) return true;
  const filledIn = new Set(FILLED_IN[kind] ?? []);
  return Object.entries(content).some(
    ([field, value]) => !isSame(value, stored[field], { path: field, filledIn }),
  );
}

type Texts = Readonly<Record<string, string>>;

interface Place {
  readonly path: string;
  readonly filledIn: ReadonlySet<string>;
}

function isSame(wanted: unknown, stored: unknown, place: Place): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(stored) &&
      wanted.length === stored.length &&
      wanted.every((item, at) => isSame(item, stored[at], place))
    );
  }
  if (wanted instanceof Object) return stored instanceof Object && isSameObject(wanted, stored, place);
  return wanted === stored;
}

function isSameObject(wanted: object, stored: object, { path, filledIn }: Place): boolean {
  const fields = stored as Readonly<Record<string, unknown>>;
  const isExtra = (field: string): boolean => !(field in wanted) && !filledIn.has(`${path}.${field}`);
  return (
    !Object.keys(stored).some(isExtra) &&
    Object.entries(wanted).every(([field, value]) =>
      fields[field] === undefined
        ? isLeftOut(field, value)
        : isSame(value, fields[field], { path: `${path}.${field}`, filledIn }),
    )
  );
}

/** Kubernetes' own kinds are stored without lists and labels that are empty; an empty selector is kept. */
function isLeftOut(field: string, value: unknown): boolean {
  if (value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return field === 'matchLabels' && Object.keys(value as object).length === 0;
}
