// The limit of all connections of an Envoy, which no listener writes a line about: those beyond it are closed, and
// counted. Envoy is started from the product's own files with a limit that a test can reach.
import { readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import * as atomicFiles from '../../operator/deliver/atomic-file.ts';
import { EnvoyProcess } from '../../operator/gateway/process/envoy-process.ts';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import { RefusedConnections } from '../../operator/gateway/process/refused-connections.ts';
import { statePaths } from '../../operator/roles/state-directory.ts';
import { until } from '../fixtures/envoy-fixture.ts';
import { type Client, type GatewayFixture, startGateway } from './gateway-fixture.ts';
import { allow, workspaceYaml } from './workspace-yaml.ts';

const LIMIT = 4;

let fixture: GatewayFixture;
let client: Client;
let envoy: EnvoyProcess;

beforeAll(async () => {
  fixture = await startGateway({
    names: [],
    files: { 'lab.yaml': workspaceYaml('lab', allow(['*.example.com'])) },
  });
  client = fixture.client('lab');
  await fixture.stopGateway();
  const { envoy: directory } = statePaths(join(dirname(fixture.folder), 'state'));
  const path = join(directory, 'bootstrap.json');
  const text = await readFile(path, 'utf8');
  const limited = text.replace(/("max_active_downstream_connections":)\d+/, `$1${LIMIT}`);
  expect(limited).not.toBe(text);
  await writeFile(path, limited);
  const binary = await envoyBinary(process.env['PATH'] ?? '');
  envoy = new EnvoyProcess({ directory, binary, files: atomicFiles, concurrency: 1 });
  await envoy.start();
});

afterAll(async () => {
  await envoy?.stop();
  await fixture.stop();
});

async function isClosed(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => socket.on('error', () => undefined).on('close', () => resolve(true)));
}

it('closes connections beyond it, and they are counted and told', async () => {
  const told: number[] = [];
  const refused = new RefusedConnections({
    counted: () => envoy.admin.refusedConnections(),
    onRefused: (connections) => told.push(connections),
    onFailure: (error) => {
      throw error;
    },
  });
  await refused.look();
  expect(told).toEqual([]);
  const held = Array.from({ length: LIMIT }, () => connect(client.proxy));
  const counter = '^http\\.egress\\.downstream_cx_total$';
  await until('as many are open as may be', async () => {
    return [...(await envoy.admin.counters(counter)).values()].includes(LIMIT);
  });
  const further = [connect(client.proxy), connect(client.proxy)];
  expect(await Promise.all(further.map(isClosed))).toEqual([true, true]);
  await refused.look();
  expect(told).toEqual([2]);
  for (const socket of held) socket.destroy();
});
