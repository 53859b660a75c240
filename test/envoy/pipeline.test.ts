// The rendered configuration of a whole folder, as Envoy itself sees it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';

const ACME = join(import.meta.dirname, '../../examples/acme');

let fixture: GatewayFixture;

beforeAll(async () => {
  const names = await readdir(ACME);
  const texts = names.map(async (name) => [name, await readFile(join(ACME, name), 'utf8')] as const);
  fixture = await startGateway({ names: [], files: Object.fromEntries(await Promise.all(texts)) });
});

afterAll(() => fixture.stop());

test('Envoy takes everything that examples/acme is rendered to, and has nothing to say about it', async () => {
  const log = await fixture.envoyLog();
  const complaints = log.split('\n').filter((line) => /\]\[(?:warning|error|critical)\]/.test(line));
  expect(complaints).toEqual([]);
  expect(log).toContain('starting main dispatch loop');
});

test('Envoy counts no rejected update, no unknown field and no deprecated feature', async () => {
  const counters = await fixture.counters('update_rejected$|unknown_fields$|deprecated_feature_use$');
  expect(counters.size).toBeGreaterThan(5);
  expect([...counters].filter(([, count]) => count > 0)).toEqual([]);
});

test('examples/acme has no problems', () => {
  expect(fixture.problems).toEqual([]);
});
