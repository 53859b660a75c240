// A sample of every family of generated cases, on real gateways; `npm run attack` has thousands of each, and other ones
// each time. Each runs with loopback only: a check that fails must not send anything to the addresses
// of others.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FAMILIES } from './families/all-families.ts';

const SEED = 1;
const FAMILY_MS = 120_000;
const ROOT = join(import.meta.dirname, '../..');

const execute = promisify(execFile);

test.each(FAMILIES.map(({ name, sampleRuns }) => [name, sampleRuns] as const))(
  '%s',
  async (name, runs) => {
    const which = ['--family', name, '--seed', `${SEED}`, '--runs', `${runs}`];
    const program = ['hack/loopback-only.sh', process.execPath, 'test/attack/main.ts', ...which];
    const { stdout } = await execute('bash', program, { cwd: ROOT });
    expect(stdout).toContain('0 families not as wanted');
  },
  FAMILY_MS,
);
