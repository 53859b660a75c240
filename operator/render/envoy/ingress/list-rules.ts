// IP access lists as rules of Envoy's RBAC filters, which decide as decideIngress() does: block lists before allow
// lists, and the most specific entry names the list.
import type { AddressRange } from '../../../model/address-range.ts';
import { inboundRuleName, UNREADABLE_CLIENT } from '../../../model/inbound-line.ts';
import type { InboundReason } from '../../../model/inbound-reason.ts';
import type { IngressRules, PlannedList } from '../../../model/ingress-plan.ts';
import { extension, type Json, typed } from '../envoy-config.ts';
import { type OwnedRange, rangesByList } from './list-ranges.ts';

const UNREADABLE_RANGE = { address: UNREADABLE_CLIENT, prefixLength: 128 };

/** `matcher` of an RBAC filter, and its `shadow_matcher` where a list is in dry-run. */
export interface ListRules {
  readonly matcher: Json;
  readonly shadow_matcher?: Json;
}

/** `nameless`: peers whose own address is no client's. */
export function renderListRules(rules: IngressRules, nameless: readonly AddressRange[] = []): ListRules {
  if (!rules.enableIpAccessLists) return { matcher: always('ALLOW', 'LISTS_DISABLED') };
  if ((rules.unreadableLists ?? []).length > 0) return { matcher: always('DENY', 'LIST_UNREADABLE') };
  const enabled = rules.lists.filter((list) => list.enabled);
  const enforced = enabled.filter(({ mode }) => mode === 'ENFORCED');
  const all = renderLists(enabled, nameless);
  // An entry that cannot be read, which the operator never writes.
  if (all === undefined) return { matcher: always('DENY', 'LIST_UNREADABLE') };
  if (enforced.length === enabled.length) return { matcher: all };
  return { matcher: renderLists(enforced, nameless) ?? all, shadow_matcher: all };
}

/** Of a route configuration that has none: whoever forgets to give rules denies. */
export function denyAll(reason: InboundReason): ListRules {
  return { matcher: always('DENY', reason) };
}

function renderLists(lists: readonly PlannedList[], nameless: readonly AddressRange[]): Json | undefined {
  const blockLists = rangesByList(lists.filter(({ listType }) => listType === 'BLOCK'));
  const allowed = renderAllowLists(lists.filter(({ listType }) => listType === 'ALLOW'));
  if (blockLists === undefined || allowed === undefined) return undefined;
  return addressTree(
    [
      addressesOf([UNREADABLE_RANGE, ...nameless], action('DENY', 'BAD_ADDRESS')),
      ...blockLists.map(({ listId, ranges }) => addressesOf(ranges, action('DENY', 'IN_BLOCK_LIST', listId))),
    ],
    allowed,
  );
}

function renderAllowLists(lists: readonly PlannedList[]): Json | undefined {
  if (lists.length === 0) return action('ALLOW', 'NO_ALLOW_LIST');
  const allowLists = rangesByList(lists);
  const denied = action('DENY', 'NOT_IN_ALLOW_LIST');
  if (allowLists === undefined || allowLists.length === 0) return allowLists && denied;
  const addresses = allowLists.map(({ listId, ranges }) =>
    addressesOf(ranges, action('ALLOW', 'IN_ALLOW_LIST', listId)),
  );
  return { matcher: addressTree(addresses, denied) };
}

function always(verdict: 'ALLOW' | 'DENY', reason: InboundReason): Json {
  return { on_no_match: action(verdict, reason) };
}

function addressTree(range_matchers: readonly Json[], on_no_match: Json): Json {
  return {
    matcher_tree: {
      input: extension('client', 'envoy.extensions.matching.common_inputs.network.v3.SourceIPInput'),
      custom_match: extension(
        'envoy.matching.custom_matchers.trie_matcher',
        'xds.type.matcher.v3.IPMatcher',
        { range_matchers },
      ),
    },
    on_no_match,
  };
}

function addressesOf(ranges: readonly OwnedRange[], on_match: Json): Json {
  return {
    ranges: ranges.map(({ address, prefixLength }) => ({
      address_prefix: address,
      prefix_len: prefixLength,
    })),
    on_match,
  };
}

/** Its name stands in the log as the rule that decided. */
function action(verdict: 'ALLOW' | 'DENY', reason: InboundReason, listId?: string): Json {
  const name = inboundRuleName(listId === undefined ? { reason } : { reason, listId });
  return { action: { name, typed_config: typed('envoy.config.rbac.v3.Action', { name, action: verdict }) } };
}
