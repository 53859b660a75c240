// The computed status of an object, and its stored one -> the status to write, or undefined where nothing changed. The
// transition time moves only when a condition's status flips, so that equal findings are equal bytes.
import { isDeepStrictEqual } from 'node:util';
import type { ObservedStatus } from '../../../model/cluster-state.ts';
import { CONDITION_TYPES, storedConditions, type Verdicts } from '../../../model/condition.ts';
import { API_VERSION, type StoredCondition, secondOf } from '../../../model/kubernetes-object.ts';
import { formatKey, type ObjectKey } from '../../../model/snapshot.ts';
import type { FoundStatus } from './found-status.ts';

export interface WantedStatus {
  /** "NetworkPolicy/acme", as in ClusterState.statuses. */
  readonly key: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Left out for cluster-scoped kinds. */
  readonly namespace?: string;
  /** Of the object that the status is based on; a later one of the same name is another. */
  readonly uid: string;
  /** The whole wanted status; a condition that is not in it is removed. */
  readonly status: StatusBody;
}

interface StatusBody {
  readonly conditions: readonly StoredCondition[];
  readonly [field: string]: unknown;
}

/** An object of which a status is stored, or could be. */
export interface StatusTarget {
  readonly object: ObjectKey;
  readonly stored: ObservedStatus;
}

const MAX_MESSAGE_LENGTH = 4096;
const OUR_TYPES: ReadonlySet<string> = new Set(CONDITION_TYPES);

type Conditions = ReadonlyMap<string, StoredCondition>;

export function wantedStatus(
  { object, stored }: StatusTarget,
  found: FoundStatus,
  atMs: number,
): WantedStatus | undefined {
  const ours = storedConditions(stored.status).filter(({ type }) => OUR_TYPES.has(type));
  // The stored status is of a newer object than ours.
  if (ours.some(({ observedGeneration = 0 }) => observedGeneration > stored.generation)) return undefined;
  const before = new Map(ours.map((condition) => [condition.type, condition]));
  const conditions = conditionsOf(found.verdicts, before, { generation: stored.generation, atMs });
  if (areSame(conditions, before) && hasFields(stored.status, found.fields)) return undefined;
  return {
    key: formatKey(object),
    apiVersion: API_VERSION,
    kind: object.kind,
    name: object.name,
    ...(object.namespace === '' ? {} : { namespace: object.namespace }),
    uid: stored.uid,
    status: { ...found.fields, conditions },
  };
}

function conditionsOf(
  verdicts: Verdicts,
  before: Conditions,
  { generation, atMs }: { readonly generation: number; readonly atMs: number },
): readonly StoredCondition[] {
  const now = secondOf(atMs);
  return CONDITION_TYPES.flatMap((type) => {
    const verdict = verdicts[type];
    if (verdict === undefined) return [];
    const old = before.get(type);
    const { status, reason, message } = verdict;
    return [
      {
        type,
        status,
        observedGeneration: generation,
        lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
        reason,
        message: message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed(),
      },
    ];
  });
}

/** Whatever their order; the transition time follows from the status. */
function areSame(conditions: readonly StoredCondition[], before: Conditions): boolean {
  return (
    conditions.length === before.size &&
    conditions.every((condition) => {
      const old = before.get(condition.type);
      return COMPARED.every((field) => old?.[field] === condition[field]);
    })
  );
}

const COMPARED = ['status', 'reason', 'message', 'observedGeneration'] as const;

/** Whether a stored status has these fields beside its conditions, and no others. */
function hasFields(status: unknown, fields: FoundStatus['fields']): boolean {
  if (typeof status !== 'object' || status === null) return false;
  const { conditions: _, ...stored } = status as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields);
  return (
    names.length === Object.keys(stored).length &&
    names.every((name) => isDeepStrictEqual(stored[name], fields[name]))
  );
}
