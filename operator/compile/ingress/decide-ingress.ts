// The executable meaning of IP access lists (R89-R93): may a client at this address access the workspace? Envoy's rules
// are rendered to decide the same, and tests compare both. Where several entries of the lists of one type contain the
// address, the most specific one is named; of equal ones that of the older list.
import { memoize } from '../../lib/memo.ts';
import { type AddressBits, addressBits, parseAddressRange } from '../../model/address-range.ts';
import type { IngressDecision, IngressMatch, IngressVerdict } from '../../model/ingress-decision.ts';
import type { IngressRules, PlannedList } from '../../model/ingress-plan.ts';
import { type AddressIndex, buildAddressIndex, findOwner, type IndexedRange } from './address-index.ts';

/** `address` as text, without a port; an IPv4-mapped one is IPv4. */
export function decideIngress(rules: IngressRules, address: string): IngressDecision {
  if (!rules.enableIpAccessLists) return { isAllowed: true, reason: 'LISTS_DISABLED' };
  if ((rules.unreadableLists ?? []).length > 0) return { isAllowed: false, reason: 'LIST_UNREADABLE' };
  const bits = addressBits(address);
  if (bits === undefined) return { isAllowed: false, reason: 'BAD_ADDRESS' };
  const compiled = compiledLists(rules.lists);
  if (compiled === undefined) return { isAllowed: false, reason: 'LIST_UNREADABLE' };
  const { enforced, all } = compiled;
  const verdict = verdictOf(enforced, bits);
  if (all === enforced || !verdict.isAllowed) return verdict;
  const wouldBe = verdictOf(all, bits);
  return wouldBe.isAllowed ? verdict : { ...verdict, wouldDeny: wouldBe };
}

interface CompiledLists {
  readonly blocked: AddressIndex<IngressMatch>;
  /** Undefined: there is no allow list. */
  readonly allowed: AddressIndex<IngressMatch> | undefined;
}

interface CompiledRules {
  readonly enforced: CompiledLists;
  /** With those in dry-run. */
  readonly all: CompiledLists;
}

/** Undefined where an entry cannot be read, which the operator never writes. */
const compiledLists = memoize((lists: readonly PlannedList[]): CompiledRules | undefined => {
  const enabled = lists.filter((list) => list.enabled);
  const isReadable = enabled.every(({ ipAddresses }) =>
    ipAddresses.every((entry) => 'range' in parseAddressRange(entry)),
  );
  if (!isReadable) return undefined;
  const enforcedLists = enabled.filter(({ mode }) => mode === 'ENFORCED');
  const enforced = compileLists(enforcedLists);
  return { enforced, all: enforcedLists.length === enabled.length ? enforced : compileLists(enabled) };
});

function compileLists(lists: readonly PlannedList[]): CompiledLists {
  const allowLists = lists.filter(({ listType }) => listType === 'ALLOW');
  const blockLists = lists.filter(({ listType }) => listType === 'BLOCK');
  return {
    blocked: buildAddressIndex(blockLists.flatMap(rangesOf)),
    allowed: allowLists.length === 0 ? undefined : buildAddressIndex(allowLists.flatMap(rangesOf)),
  };
}

function rangesOf({ listId, label, ipAddresses }: PlannedList): readonly IndexedRange<IngressMatch>[] {
  return ipAddresses.flatMap((entry) => {
    const parsed = parseAddressRange(entry);
    return 'range' in parsed ? [{ range: parsed.range, owner: { listId, label, entry } }] : [];
  });
}

function verdictOf({ blocked, allowed }: CompiledLists, bits: AddressBits): IngressVerdict {
  const block = findOwner(blocked, bits);
  if (block !== undefined) return { isAllowed: false, reason: 'IN_BLOCK_LIST', match: block };
  if (allowed === undefined) return { isAllowed: true, reason: 'NO_ALLOW_LIST' };
  const match = findOwner(allowed, bits);
  return match === undefined
    ? { isAllowed: false, reason: 'NOT_IN_ALLOW_LIST' }
    : { isAllowed: true, reason: 'IN_ALLOW_LIST', match };
}
