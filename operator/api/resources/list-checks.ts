// What a new or changed IP access list must not do: exceed the limit of all lists, take the label of another, or shut out
// whoever writes it.
import { countedAddresses, MAX_ADDRESSES } from '../../model/ip-access-list.ts';
import { readList, readLists, refuseLockout } from '../access-objects.ts';
import { ApiError } from '../api-error.ts';
import type { Place } from '../route.ts';
import type { AccessObjects, StoredObject } from '../store/object-store.ts';

interface CheckedChange {
  readonly place: Place;
  readonly address: string;
  readonly before: AccessObjects;
  readonly after: readonly StoredObject[];
  readonly changed: StoredObject;
}

/** Throws an ApiError; in the order in which a person can mend the faults. */
export function checkLists({ place, address, before, after, changed }: CheckedChange): void {
  const count = countOf(after);
  if (count > MAX_ADDRESSES && count > countOf(before.lists)) {
    throw new ApiError(
      'QUOTA_EXCEEDED',
      `Cannot accept ${count} IP addresses and CIDR ranges: all IP access lists together have at most ${MAX_ADDRESSES}`,
    );
  }
  const lists = readLists(after, place);
  const own = readList(changed);
  // Faults of the object itself are the store's to name.
  if (own === undefined) return;
  const { label, listType } = own.spec;
  const isTaken = lists.some(
    ({ stored, list }) => stored !== changed && list.spec.label === label && list.spec.listType === listType,
  );
  if (isTaken) {
    throw new ApiError(
      'RESOURCE_ALREADY_EXISTS',
      `IP access list with type (${listType}) and label (${label}) already exists`,
    );
  }
  refuseLockout(place, address, before, { ...before, lists: after });
}

/** As written, also of a list that cannot be read. */
function countOf(lists: readonly StoredObject[]): number {
  const sizes = lists.map(
    ({ spec }) => (spec as { readonly ipAddresses?: unknown } | undefined)?.ipAddresses,
  );
  return sizes.reduce<number>((sum, list) => sum + countedAddresses(Array.isArray(list) ? list : []), 0);
}
