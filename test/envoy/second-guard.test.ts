// The second layer of the address guard alone: Envoy is started from the product's own files with the first layer, the
// filter of its DNS caches, taken out. What it then dials nowhere, the second layer keeps from it.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as atomicFiles from '../../operator/deliver/atomic-file.ts';
import { EnvoyProcess } from '../../operator/gateway/process/envoy-process.ts';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import { statePaths } from '../../operator/roles/state-directory.ts';
import { ask } from '../outside/proxy-client.ts';
import { type Client, type GatewayFixture, startGateway } from './gateway-fixture.ts';
import { allow, workspaceYaml } from './workspace-yaml.ts';

const OPEN = 'open.example.com';
const CLOSED = 'closed.example.com';
const FIRST_LAYER = 'resolved_address_filter';

let fixture: GatewayFixture;
let client: Client;
let envoy: EnvoyProcess;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: OPEN }],
    files: { 'lab.yaml': workspaceYaml('lab', allow(['*.example.com'])) },
  });
  await fixture.world.addName({ name: CLOSED, address: fixture.world.closedAddress });
  client = fixture.client('lab');
  await fixture.stopGateway();
  const { envoy: directory } = statePaths(join(dirname(fixture.folder), 'state'));
  for (const file of ['lds/listeners.json', 'cds/clusters.json']) {
    await takeOut(join(directory, file));
  }
  const binary = await envoyBinary(process.env['PATH'] ?? '');
  envoy = new EnvoyProcess({ directory, binary, files: atomicFiles, concurrency: 1 });
  await envoy.start();
});

afterAll(async () => {
  await envoy?.stop();
  await fixture.stop();
});

async function takeOut(path: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  expect(text).toContain(FIRST_LAYER);
  const without = (key: string, value: unknown): unknown => (key === FIRST_LAYER ? undefined : value);
  await writeFile(path, JSON.stringify(JSON.parse(text, without)));
}

it.each([
  ['a tunnel', 'https'],
  ['plain HTTP', 'http'],
])('still lets %s go where it may', async (_what, scheme) => {
  const result = await ask({ ...client, url: `${scheme}://${OPEN}/` });
  expect(result.outcome).toBe('ok');
});

it.each([
  ['a tunnel', 'https'],
  ['plain HTTP', 'http'],
])('does not dial a closed address for %s', async (_what, scheme) => {
  const result = await ask({ ...client, url: `${scheme}://${CLOSED}/` });
  expect(result.outcome).not.toBe('ok');
  expect(fixture.world.dns.questionsFor(CLOSED).length).toBeGreaterThan(0);
  expect(fixture.world.arrivalsFor(CLOSED)).toEqual([]);
});
