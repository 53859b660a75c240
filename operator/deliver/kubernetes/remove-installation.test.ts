import { removedLines } from './remove-installation.ts';

test('removedLines() says that Namespaces lost their stamps, and stay', () => {
  const removed = new Map([
    ['NetworkPolicy', 2],
    ['Service', 1],
    ['Namespace', 7],
  ]);
  expect(removedLines({ removed })).toEqual([
    'Removed 2 NetworkPolicies',
    'Removed 1 Service',
    'Removed the stamps of 7 Namespaces',
  ]);
  expect(removedLines({ removed: new Map([['Namespace', 1]]) })).toEqual([
    'Removed the stamps of 1 Namespace',
  ]);
});
