import { didYouMean } from './nearest-name.ts';

test.each([
  ['compny', ['company', 'default-policy'], ' (Did you mean company?)'],
  ['analytcis', ['analytics', 'sandbox'], ' (Did you mean analytics?)'],
  ['compaany', ['company'], ' (Did you mean company?)'],
  ['teams-1', ['team-22', 'team-1'], ' (Did you mean team-1?)'],
  ['finance', ['company'], ''],
  ['ab', ['cd', 'ba'], ''],
  ['sepc', ['metadata', 'spec'], ' (Did you mean spec?)'],
  ['abc', [], ''],
  ['abcd', ['dcba'], ''],
])('didYouMean(%j, %j) is %j', (written, known, words) => {
  expect(didYouMean(written, known)).toBe(words);
});

test('didYouMean() does not guess among very many names', () => {
  const names = Array.from({ length: 201 }, (_, at) => `team-${at}`);
  expect(didYouMean('team-1x', names.slice(0, 200))).not.toBe('');
  expect(didYouMean('team-1x', names)).toBe('');
});
