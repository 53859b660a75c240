// Tests are the TypeScript sources themselves: Node strips the types, nothing is transformed.
// At least two workers, so that a handle left open by a test cannot keep the run from ending.
import { availableParallelism } from 'node:os';

export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/{operator,cli,test}/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/bench/'],
  // Its usual place is shared between users, and named after a user id that is 0 in a namespace of our own.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  testTimeout: 30_000,
  maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
  reporters: ['default', './test/closing-line-reporter.ts'],
};
