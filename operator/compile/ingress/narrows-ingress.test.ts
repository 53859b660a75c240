import fc from 'fast-check';
import { ingressPlan, someAddress, someRules } from '../../../test/fixtures/ingress-rules.ts';
import type { IngressRules } from '../../model/ingress-plan.ts';
import { decideIngress } from './decide-ingress.ts';
import { type Generation, narrowsIngress, nextGenerations } from './narrows-ingress.ts';

function blocking(...ipAddresses: string[]): IngressRules {
  const list = { label: 'l', listType: 'BLOCK' as const, mode: 'ENFORCED' as const, enabled: true };
  return { enableIpAccessLists: true, lists: [{ ...list, listId: 'l', ipAddresses }] };
}

describe('narrowsIngress()', () => {
  it('finds every address that loses access', () => {
    let narrower = 0;
    fc.assert(
      fc.property(
        someRules,
        someRules,
        fc.array(someAddress, { maxLength: 20 }),
        (before, after, addresses) => {
          const loses = addresses.some(
            (address) => decideIngress(before, address).isAllowed && !decideIngress(after, address).isAllowed,
          );
          if (loses) narrower += 1;
          return !loses || narrowsIngress(before, after);
        },
      ),
      { seed: 13, numRuns: 1000 },
    );
    expect(narrower).toBeGreaterThan(100);
  });

  it('is false where nobody loses access', () => {
    fc.assert(
      fc.property(someRules, (rules) => !narrowsIngress(rules, structuredClone(rules))),
      { seed: 13, numRuns: 200 },
    );
    expect(narrowsIngress(blocking('10.0.0.0/8'), blocking('10.1.0.0/16'))).toBe(false);
    expect(
      narrowsIngress(blocking('10.0.0.0/8'), { ...blocking('0.0.0.0/0'), enableIpAccessLists: false }),
    ).toBe(false);
  });

  it('finds one address among all', () => {
    expect(narrowsIngress(blocking('10.0.0.0/8'), blocking('10.0.0.0/8', '2001:db8::9'))).toBe(true);
    expect(narrowsIngress(blocking('10.0.0.0/8'), blocking('10.0.0.0/8', '255.255.255.255'))).toBe(true);
  });
});

test('nextGenerations() counts what became narrower', () => {
  const step = (before: ReadonlyMap<string, Generation>, rules: IngressRules) =>
    nextGenerations(before, new Map([[ingressPlan('lab').metadata.name, rules]]));
  const first = step(new Map(), blocking('10.0.0.0/8'));
  const wider = step(first, blocking('10.0.0.0/9'));
  const narrower = step(wider, blocking('10.0.0.0/9', '192.0.2.1'));
  const generationsOf = [first, wider, narrower].map((map) => map.get('lab')?.generation);
  expect(generationsOf).toEqual([0, 0, 1]);
});
