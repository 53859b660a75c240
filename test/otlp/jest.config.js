// A suite of its own, since it builds the OpenTelemetry Collector: "npm run test:otlp".
import shared from '../../jest.config.js';

export default {
  ...shared,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/otlp/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
