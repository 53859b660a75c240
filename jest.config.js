// Tests are the TypeScript sources themselves: Node strips the types, nothing is transformed.
// At least four workers, since tests wait for drains, leases and other processes for more than half of their time: three
// of them leave more than a third of two cores idle.
import { availableParallelism } from 'node:os';

export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/{operator,test}/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(?:alerts|bench|nodes|otlp|s3)/'],
  // Its usual place is shared between users, and named after a user id that is 0 in a namespace of our own.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  testTimeout: 180_000,
  maxWorkers: Math.max(4, Math.floor(availableParallelism() / 2)),
  testSequencer: './test/heavy-first-sequencer.ts',
  reporters: ['default', './test/closing-line-reporter.ts'],
};
