// Which files are programs, so that everything that none of them leads to is found: files, exports, dependencies.
export default {
  entry: [
    'operator/main.ts',
    'operator/kubectl-sallyport.ts',
    'operator/roles/denial-log/child.ts',
    'operator/denials/collector/isolated-query-child.ts',
    'hack/*.ts',
    'hack/kind/*.ts',
    'charts/sallyport/files/*.mjs',
    'examples/*/main.ts',
    'test/{bench,attack,clients}/main.ts',
    'test/clients/programs/*.mjs',
    'test/nodes/**/*.test.ts',
    'test/alerts/{jest.config.js,*.test.ts}',
    'test/otlp/{jest.config.js,*.test.ts}',
    'test/s3/{jest.config.js,*.test.ts}',
    'test/nodes/{jest.config.js,outside.ts,setup.ts,teardown.ts,by-name-sequencer.ts}',
    'test/nodes/pod/*.mjs',
    'test/api/clients/{main.ts,sdk.mjs}',
  ],
  project: ['**/*.{ts,js,mjs}'],
  // Of the system, where tests and benchmarks find it.
  ignoreBinaries: ['ip', 'dnsperf', 'nginx', 'prlimit'],
  // The fast compiler is called as "tsc".
  ignoreDependencies: ['@typescript/native'],
  // Two names of one value may say two things.
  rules: { duplicates: 'off' },
};
