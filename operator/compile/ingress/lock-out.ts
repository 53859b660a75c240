// Lock-out guard: changes that would refuse an administrator who called within the last day are withheld, unless they
// are confirmed. Of several changes those that harm nobody count first, whatever their order, so that one that adds an
// address makes room for another that takes it away.
import { memoize } from '../../lib/memo.ts';
import { addressBits } from '../../model/address-range.ts';
import type { PlannedList } from '../../model/ingress-plan.ts';
import { decideIngress } from './decide-ingress.ts';

/** What decides about an address. */
export interface AccessRules {
  readonly isOn: boolean;
  /** By name. */
  readonly lists: ReadonlyMap<string, PlannedList>;
}

export interface AccessChange {
  /** Of the object that makes it. */
  readonly key: string;
  readonly apply: (rules: AccessRules) => AccessRules;
  /** Value of the annotation that confirms a lock-out: "true", or addresses. */
  readonly confirmation: string;
}

/** More could only make room for each other in ever longer chains. */
const MOST_ROUNDS = 3;

/** By key of a change: the addresses that it would shut out. */
export function withheldChanges(
  before: AccessRules,
  changes: readonly AccessChange[],
  addresses: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  if (addresses.length === 0 || changes.length === 0) return new Map();
  const all = changes.reduce((rules, { apply }) => apply(rules), before);
  if (shutOut(before, all, addresses).length === 0) return new Map();
  let rules = before;
  let left = changes;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const withheld = left.filter((change) => {
      if (harmOf(change, rules, addresses).length > 0) return true;
      rules = change.apply(rules);
      return false;
    });
    if (withheld.length === left.length) break;
    left = withheld;
  }
  return new Map(left.map((change) => [change.key, harmOf(change, rules, addresses)]));
}

function harmOf(
  { apply, confirmation }: AccessChange,
  rules: AccessRules,
  addresses: readonly string[],
): readonly string[] {
  return shutOut(rules, apply(rules), addresses).filter((address) => !isConfirmed(confirmation, address));
}

/** Those that were allowed, and would not be. */
export function shutOut(
  before: AccessRules,
  after: AccessRules,
  addresses: readonly string[],
): readonly string[] {
  return addresses.filter((address) => isAllowed(before, address) && !isAllowed(after, address));
}

function isAllowed({ isOn, lists }: AccessRules, address: string): boolean {
  return decideIngress({ enableIpAccessLists: isOn, lists: listsOf(lists) }, address).isAllowed;
}

/** The very same array for the same lists, since its index is built once. */
const listsOf = memoize((lists: ReadonlyMap<string, PlannedList>) => [...lists.values()]);

function isConfirmed(confirmation: string, address: string): boolean {
  if (confirmation === 'true') return true;
  const bits = addressBits(address);
  return confirmation.split(',').some((text) => bits !== undefined && addressBits(text.trim()) === bits);
}
