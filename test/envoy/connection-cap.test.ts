// The limit of all connections of an Envoy, which no listener writes a line about: those beyond it are closed, and
// counted. Envoy is started with what the product gave it, and with a limit that a test can reach.
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { OverloadedListeners } from '../../operator/gateway/process/overloaded-listeners.ts';
import type { XdsEnvoy } from '../../operator/gateway/xds/xds-envoy.ts';
import { startEditedEnvoy } from '../support/envoy/edited-envoy.ts';
import { type Client, type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const LIMIT = 4;

let fixture: GatewayFixture;
let client: Client;
let envoy: XdsEnvoy;

beforeAll(async () => {
  fixture = await startGateway({
    names: [],
    files: { 'lab.yaml': workspaceYaml('lab', allow(['*.example.com'])) },
  });
  client = fixture.client('lab');
  envoy = await startEditedEnvoy(fixture, {
    bootstrap: (text) => text.replace(/("max_active_downstream_connections":)\d+/, `$1${LIMIT}`),
  });
});

afterAll(async () => {
  await envoy?.stop();
  await fixture.stop();
});

async function isClosed(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => socket.on('error', () => undefined).on('close', () => resolve(true)));
}

it('closes connections beyond it, and they are counted and reported', async () => {
  const notified: (readonly [number, string | undefined])[] = [];
  const listeners = new OverloadedListeners({
    counted: () => envoy.admin.deniedConnections(),
    isAdopted: () => false,
    path: join(dirname(fixture.folder), 'denied.json'),
    onDenied: ({ connections, listener }) => notified.push([connections, listener]),
  });
  await listeners.check();
  expect(notified).toEqual([]);
  const held = Array.from({ length: LIMIT }, () => connect(client.proxy));
  await until('as many are open as may be', async () => {
    return [...(await envoy.admin.activeConnections()).values()].includes(LIMIT);
  });
  const further = [connect(client.proxy), connect(client.proxy)];
  expect(await Promise.all(further.map(isClosed))).toEqual([true, true]);
  await listeners.check();
  expect(notified).toEqual([[2, undefined]]);
  for (const socket of held) socket.destroy();
});
