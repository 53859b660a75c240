// No workspace can starve another: fairness is a limit per egress listener, and nothing behind the egress listeners has
// a limit that one workspace alone could reach. With Envoy's own limits (1,024 connections per cluster) the first test
// fails.
import { STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { ask, openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type Client, type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const TUNNELS = 1100;
const AT_ONCE = 100;
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

const DATABASE = { connect: 'db.example.com:5432', sends: 'nothing' } as const;
const PING = { ...DATABASE, sends: 'bytes', bytes: 'ping' } as const;

async function openTunnels(client: Client, count: number): Promise<readonly Tunnel[]> {
  const tunnels: Tunnel[] = [];
  // A port is given more of its workspace's connections once it uses what it has.
  await until(`${count} tunnels are open`, async () => {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - tunnels.length) }, () =>
      openTunnel({ ...client, ...DATABASE }).catch(() => undefined),
    );
    tunnels.push(...(await Promise.all(batch)).filter((tunnel) => tunnel !== undefined));
    return tunnels.length >= count;
  });
  return tunnels;
}

test(`one workspace holds ${TUNNELS} tunnels, another one is served as ever`, async () => {
  fixture = await startGateway({ ...OUTSIDE, files: FILES });
  const tunnels = await openTunnels(fixture.client('greedy'), TUNNELS);
  const last = tunnels.at(-1);
  last?.socket.write('ping');
  expect((await last?.reader.readExactly(4))?.toString()).toBe('ping');
  const modest = fixture.client('modest');
  const results = await Promise.all([
    ask({ ...modest, url: 'https://page.example.com/' }),
    ask({ ...modest, url: 'http://page.example.com/' }),
  ]);
  expect(results).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }]);
  for (const tunnel of tunnels) tunnel.close();
});

test(`an egress listener closes connection ${LIMIT + 1}, and only that egress listener does`, async () => {
  fixture = await startGateway({ ...OUTSIDE, files: FILES, maxConnections: LIMIT });
  const greedy = fixture.client('greedy');
  const held = await openTunnels(greedy, LIMIT);
  const oneTooMany = await ask({ ...greedy, ...PING });
  expect(oneTooMany).toMatchObject({ outcome: 'reset' });
  const rows = await fixture.denialsWith({ reason: 'TOO_MANY_CONNECTIONS' });
  expect(rows).toMatchObject([{ accessType: 'DROP', workspace: 'greedy', product: 'JOBS' }]);
  const others = await Promise.all([
    ask({ ...fixture.client('greedy', 'NOTEBOOKS'), ...PING }),
    ask({ ...fixture.client('modest'), url: 'https://page.example.com/' }),
  ]);
  expect(others).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }]);
  for (const tunnel of held) tunnel.close();
});
