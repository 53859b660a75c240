// Tests are the TypeScript sources themselves: Node strips the types, nothing is transformed.
// More than one worker, so that a handle left open by a test cannot keep the run from ending. Not more than cores: API
// servers that start beside each other take longer than clients of theirs wait.
import { availableParallelism } from 'node:os';

export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/{operator,test}/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/bench/'],
  // Its usual place is shared between users, and named after a user id that is 0 in a namespace of our own.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  testTimeout: 120_000,
  maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
  testSequencer: './test/heavy-first-sequencer.ts',
  reporters: ['default', './test/closing-line-reporter.ts'],
};
