// The end-to-end suite on a cluster with nodes: one file after the other, since they share the cluster.
import base from '../../jest.config.js';

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/nodes/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/nodes/setup.ts',
  globalTeardown: '<rootDir>/test/nodes/teardown.ts',
  testSequencer: '<rootDir>/test/nodes/by-name-sequencer.ts',
  reporters: ['default', '<rootDir>/test/closing-line-reporter.ts'],
  testTimeout: 600_000,
  maxWorkers: 1,
};
