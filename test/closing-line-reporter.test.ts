import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closingLine, countsOf } from './closing-line-reporter.ts';

const JEST = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const REPORTER = fileURLToPath(new URL('./closing-line-reporter.ts', import.meta.url));

const FILES = {
  'mixed.test.js':
    'it("holds", () => {}); it("fails", () => { throw new Error("no"); }); it.skip("waits", () => {});',
  'broken.test.js': 'import "./absent.js";',
  'package.json': '{ "type": "module" }',
};

describe('ClosingLineReporter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'closing-line-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('prints its line after everything else that jest prints', () => {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    const config = JSON.stringify({
      rootDir: folder,
      cacheDirectory: join(folder, 'cache'),
      transform: {},
      reporters: ['default', REPORTER],
    });
    const nodeFlags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const command = [...nodeFlags, JEST, '--config', config, '--maxWorkers', '2'];
    const env: NodeJS.ProcessEnv = { ...process.env, CLOSING_COUNTS_FILE: undefined };
    const shell = `"$0" "$@" 2>&1`;
    const run = spawnSync('bash', ['-c', shell, process.execPath, ...command], { encoding: 'utf8', env });
    expect(run.stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 2 failed, 1 skipped');
    expect(run.status).toBe(1);
  });
});

describe('countsOf()', () => {
  const none = {
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: 0,
    wasInterrupted: false,
  };

  it('counts a file that could not be run as a failure', () => {
    expect(countsOf({ ...none, numPassedTests: 3, numRuntimeErrorTestSuites: 1 })).toEqual({
      passed: 3,
      failed: 1,
      skipped: 0,
    });
  });

  it('counts an interrupted run as a failure', () => {
    expect(closingLine(countsOf({ ...none, numPassedTests: 3, wasInterrupted: true }))).toBe(
      '3 passed, 1 failed, 0 skipped',
    );
  });

  it('counts a test left to do as skipped', () => {
    expect(countsOf({ ...none, numPendingTests: 1, numTodoTests: 2 }).skipped).toBe(3);
  });
});
