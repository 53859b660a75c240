// No workspace can starve another: fairness is a limit per entrance, and nothing behind the entrances has a limit
// that one workspace alone could reach. With Envoy's own limits (1,024 connections per cluster) the first test fails.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { STANDARD_SERVICES } from '../outside/outside-world.ts';
import { ask, openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type Client, type GatewayFixture, startGateway } from './gateway-fixture.ts';
import { allow, workspaceYaml } from './workspace-yaml.ts';

const TUNNELS = 1100;
const AT_ONCE = 100;
/** Far above what a request takes here, and far below any time-out. */
const NORMAL_MS = 2000;
const LIMIT = 50;

const FILES = {
  'greedy.yaml': workspaceYaml('greedy', allow(['db.example.com'], [{ port: 5432, protocol: 'TCP' }])),
  'modest.yaml': workspaceYaml('modest', allow(['page.example.com'])),
};
const OUTSIDE = {
  names: [{ name: 'page.example.com' }, { name: 'db.example.com' }],
  services: { ...STANDARD_SERVICES, 5432: 'echo' },
} as const;

let fixture: GatewayFixture;

afterEach(() => fixture.stop());

async function openMany(client: Client): Promise<readonly Tunnel[]> {
  const tunnels: Tunnel[] = [];
  while (tunnels.length < TUNNELS) {
    const batch = Array.from({ length: AT_ONCE }, () => openTunnel({ ...client, connect: 'db.example.com:5432', sends: 'nothing' }));
    tunnels.push(...(await Promise.all(batch)));
  }
  return tunnels;
}

test(`one workspace holds ${TUNNELS} tunnels, another one is served as ever`, async () => {
  fixture = await startGateway({ ...OUTSIDE, files: FILES });
  const tunnels = await openMany(fixture.client('greedy'));
  const last = tunnels.at(-1);
  last?.socket.write('ping');
  expect((await last?.reader.readExactly(4))?.toString()).toBe('ping');
  const modest = fixture.client('modest');
  const results = await Promise.all([
    ask({ ...modest, url: 'https://page.example.com/' }),
    ask({ ...modest, url: 'http://page.example.com/' }),
  ]);
  expect(results).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }]);
  expect(Math.max(...results.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(NORMAL_MS);
  for (const tunnel of tunnels) tunnel.close();
});

async function connectTo({ proxy }: Client): Promise<Socket> {
  const socket = connect(proxy).on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

test(`an entrance closes connection ${LIMIT + 1}, and only that entrance does`, async () => {
  fixture = await startGateway({ ...OUTSIDE, files: FILES, maxConnections: LIMIT });
  const greedy = fixture.client('greedy');
  const held = await Promise.all(Array.from({ length: LIMIT }, () => connectTo(greedy)));
  const closed = await ask({ ...greedy, connect: 'db.example.com:5432', sends: 'bytes', bytes: 'ping' });
  expect(closed.outcome).toBe('reset');
  const others = [fixture.client('greedy', 'NOTEBOOKS'), fixture.client('modest')];
  const [sameWorkspace, another] = await Promise.all([
    ask({ ...(others[0] as Client), connect: 'db.example.com:5432', sends: 'bytes', bytes: 'ping' }),
    ask({ ...(others[1] as Client), url: 'https://page.example.com/' }),
  ]);
  expect([sameWorkspace.outcome, another.outcome]).toEqual(['ok', 'ok']);
  // A place that becomes free can be had again.
  for (const socket of held) socket.destroy();
});
