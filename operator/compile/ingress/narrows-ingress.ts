// Whether somebody who had access no longer has it; then long streams of the workspace must end. Exact: the verdict only
// changes at the bounds of ranges, so it is compared there.
import { type AddressBits, addressText, parseAddressRange, rangeBits } from '../../model/address-range.ts';
import type { IngressRules } from '../../model/ingress-plan.ts';
import { decideIngress } from './decide-ingress.ts';

const UNREADABLE = '';
const MOST_IPV4 = 2 ** 32 - 1;
const MOST_IPV6 = 2n ** 128n - 1n;

export function narrowsIngress(before: IngressRules, after: IngressRules): boolean {
  const bounds = new Set<AddressBits>([0, 0n, ...boundsOf(before), ...boundsOf(after)]);
  return [UNREADABLE, ...[...bounds].map(addressText)].some(
    (address) => decideIngress(before, address).isAllowed && !decideIngress(after, address).isAllowed,
  );
}

/** Generations by name: one more where access became narrower. Plans that are gone start anew. */
export function nextGenerations(
  before: ReadonlyMap<string, Generation>,
  after: ReadonlyMap<string, IngressRules>,
): ReadonlyMap<string, Generation> {
  return new Map(
    [...after].map(([name, rules]) => {
      const former = before.get(name);
      if (former === undefined) return [name, { rules, generation: 0 }];
      const isNarrower = former.rules !== rules && narrowsIngress(former.rules, rules);
      return [name, { rules, generation: former.generation + (isNarrower ? 1 : 0) }];
    }),
  );
}

export interface Generation {
  readonly rules: IngressRules;
  readonly generation: number;
}

/** Where ranges begin, and the addresses behind their ends. */
function boundsOf({ lists }: IngressRules): readonly AddressBits[] {
  return lists.flatMap(({ ipAddresses }) =>
    ipAddresses.flatMap((entry) => {
      const parsed = parseAddressRange(entry);
      if (!('range' in parsed)) return [];
      const { first, last } = rangeBits(parsed.range);
      return last === MOST_IPV4 || last === MOST_IPV6 ? [first] : [first, behind(last)];
    }),
  );
}

function behind(last: AddressBits): AddressBits {
  return typeof last === 'number' ? last + 1 : last + 1n;
}
