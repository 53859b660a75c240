import { describeChange } from './describe-change.ts';

test.each([
  ['full', 'enforced', 'full -> restricted'],
  ['full', 'sealed', 'full -> restricted'],
  ['full', 'dry-run', 'full -> dry-run'],
  ['sealed', 'full', 'restricted -> full'],
  ['enforced', 'dry-run', 'enforced -> dry-run'],
  ['sealed-dry-run', 'sealed', 'dry-run -> enforced'],
  ['sealed', 'enforced', 'sealed -> enforced'],
  ['dry-run', 'sealed-dry-run', 'dry-run -> sealed-dry-run'],
  ['made-up', 'enforced', '"made-up" -> enforced'],
  ['', 'full', '"" -> full'],
])('describeChange() of lanes %j and %j is %j', (from, to, words) => {
  expect(describeChange(from, to)).toBe(words);
});
