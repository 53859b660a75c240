// A suite of its own, since it builds a server that speaks the protocol of S3: "npm run test:s3".
import shared from '../../jest.config.js';

export default {
  ...shared,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/s3/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
