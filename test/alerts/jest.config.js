// A suite of its own, since it builds Prometheus' promtool: "npm run test:alerts".
import shared from '../../jest.config.js';

export default {
  ...shared,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/alerts/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
