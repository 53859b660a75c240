// An object of a kind that people write: parsed once, when it arrives; the rest of it is stored trimmed.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { ObservedStatus } from '../../model/cluster-state.ts';
import { type ParsedObject, parseObject } from '../../model/parse-object.ts';
import type { Problem } from '../../model/problem.ts';
import { formatKey, keyOf, type ObjectKey, type Snapshot } from '../../model/snapshot.ts';
import { trimObject } from './trim.ts';

export interface ParsedItem {
  readonly parsed: ParsedObject;
  /** Without its spec. */
  readonly object: KubernetesObject;
}

/** Never throws. Equal items of two versions of an object: nothing has changed that concerns the operator. */
export function parsedItem(raw: KubernetesObject): ParsedItem {
  const trimmed = trimObject(raw);
  const { apiVersion, kind, status } = trimmed;
  const { resourceVersion: _, ...metadata } = trimmed.metadata;
  return {
    parsed: parseObject({ ...trimmed, metadata }),
    object: { apiVersion, kind, metadata, status },
  };
}

export interface ParsedSnapshot {
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
  /** By key, for every object whose kind and name are known. */
  readonly statuses: ReadonlyMap<string, ObservedStatus>;
}

export function snapshotOf(items: readonly ParsedItem[]): ParsedSnapshot {
  const unreadable = items.flatMap(({ parsed }) => (parsed.status === 'unreadable' ? [parsed] : []));
  return {
    snapshot: {
      objects: items.flatMap(({ parsed }) => (parsed.status === 'parsed' ? [parsed.object] : [])),
      unreadable: unreadable.flatMap(({ key }) => (key === undefined ? [] : [key])),
    },
    problems: unreadable.flatMap(({ problems }) => problems),
    statuses: new Map(items.flatMap(statusOf)),
  };
}

function statusOf({ parsed, object }: ParsedItem): readonly (readonly [string, ObservedStatus])[] {
  const key = keyOfParsed(parsed);
  if (key === undefined) return [];
  const { uid = '', generation = 0 } = object.metadata;
  return [[formatKey(key), { uid, generation, status: object['status'] }]];
}

function keyOfParsed(parsed: ParsedObject): ObjectKey | undefined {
  if (parsed.status === 'parsed') return keyOf(parsed.object);
  return parsed.status === 'unreadable' ? parsed.key : undefined;
}
