// Entries that expire: which of an object do so when, and which are without effect by a given time.
import { memoize } from '../lib/memo.ts';
import type { Problem } from '../model/problem.ts';
import { type ObservedObject, objectsOf, problemAbout, type Snapshot } from '../model/snapshot.ts';

export interface Expiry {
  /** Of the object: "allowedInternetDestinations". */
  readonly list: string;
  /** Of the entry: "a.example.com". */
  readonly name: string;
  /** "spec.egress.networkAccess.allowedInternetDestinations[3].expiresAt". */
  readonly field: string;
  /** As written. */
  readonly time: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

const LISTS = ['allowedInternetDestinations', 'blockedInternetDestinations'] as const;

/** In the order of time; entries without expiry are left out. */
export const expiriesOf = memoize((object: ObservedObject): readonly Expiry[] =>
  writtenExpiries(object).toSorted((a, b) => a.atMs - b.atMs),
);

function writtenExpiries(object: ObservedObject): readonly Expiry[] {
  if (object.kind === 'NetworkPolicy') {
    const access = object.spec.egress.networkAccess;
    return LISTS.flatMap((list) =>
      (access[list] ?? []).flatMap(({ destination, expiresAt }, at) => {
        const field = `spec.egress.networkAccess.${list}[${at}].expiresAt`;
        return expiry({ list, name: destination, field }, expiresAt);
      }),
    );
  }
  if (object.kind !== 'Metastore') return [];
  return (object.spec.connections ?? []).flatMap(({ name, transitionEndTime }, at) =>
    expiry(
      { list: 'connections', name, field: `spec.connections[${at}].transitionEndTime` },
      transitionEndTime,
    ),
  );
}

function expiry(entry: Pick<Expiry, 'list' | 'name' | 'field'>, time: string | undefined): readonly Expiry[] {
  return time === undefined ? [] : [{ ...entry, time, atMs: Date.parse(time) }];
}

/**
 * A Problem for each entry of a policy that has expired: also of one that had when it was written, of which no Event
 * tells. Connections of a metastore are left out, since an ended transition is how they are meant to stay. Under
 * FULL_ACCESS no entry has an effect, and another Problem says so.
 */
export function expiredEntries(snapshot: Snapshot, atMs: number): readonly Problem[] {
  return objectsOf(snapshot, 'NetworkPolicy')
    .filter(({ spec }) => spec.egress.networkAccess.restrictionMode === 'RESTRICTED_ACCESS')
    .flatMap((policy) =>
      expiriesOf(policy)
        .filter((entry) => entry.atMs <= atMs)
        .map(({ name, time, field }) => {
          const message = `The entry "${name}" has no effect, since it expired at ${time}: set a later time, or remove the entry`;
          return problemAbout(policy, 'Expired', message, field);
        }),
    );
}

/** When the answer of expiredEntries() changes by itself, in epoch milliseconds. */
export function nextExpired({ objects }: Snapshot, atMs: number): number | undefined {
  return objects
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .flatMap((object) => expiriesOf(object).find((entry) => entry.atMs > atMs)?.atMs ?? [])
    .toSorted((a, b) => a - b)[0];
}
