import { formatProblem, type Problem } from './problem.ts';

const message = 'Cannot accept it: do otherwise';

describe('formatProblem()', () => {
  it.each<[string, Partial<Problem>]>([
    [message, {}],
    [`a.yaml: ${message}`, { file: 'a.yaml' }],
    [`a.yaml:14: ${message}`, { file: 'a.yaml', line: 14 }],
    [`NetworkPolicy/acme: ${message}`, { object: 'NetworkPolicy/acme', line: 14 }],
    [
      `a.yaml:14: NetworkPolicy/acme: spec.x: ${message}`,
      { file: 'a.yaml', line: 14, object: 'NetworkPolicy/acme', field: 'spec.x' },
    ],
  ])('writes "%s"', (text, place) => {
    expect(formatProblem({ reason: 'InvalidValue', message, ...place })).toBe(text);
  });
});
