// A gateway with few file descriptors: a workspace that opens as many connections as it can, on all its ports, leaves
// some to others; and it may use what it has on one port, too.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const DESCRIPTORS = 1000;
/** 0.45 of those beyond 512. */
const GATEWAY = 219;
const SHARE = 164;
/** Of each port; two workers may each let one in that the other has not heard of. */
const MORE = 2;
const EACH = 30;
const ALLOWED = allow(['page.example.com']);

let fixture: GatewayFixture;
const sockets: Socket[] = [];

type Place = { readonly host: string; readonly port: number };

beforeAll(async () => {
  const former = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1] ?? '';
  setDescriptors(`${DESCRIPTORS}`);
  fixture = await startGateway({
    names: [{ name: 'page.example.com' }],
    files: {
      'greedy.yaml': workspaceYaml('greedy', ALLOWED),
      'modest.yaml': workspaceYaml('modest', ALLOWED),
    },
  });
  setDescriptors(former);
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

afterAll(() => fixture.stop());

/** The soft limit of this process, which Envoy inherits. */
function setDescriptors(soft: string): void {
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${soft}:`]);
}

function portsOf(workspace: string): readonly Place[] {
  const { products = [] } =
    fixture.gateway.endpoints.workspaces.find((one) => one.workspace === workspace) ?? {};
  return products.flatMap(({ product }) => [
    fixture.client(workspace, product).proxy,
    fixture.direct(workspace, 443, product).address,
  ]);
}

function openMany(place: Place, count: number): void {
  for (let at = 0; at < count; at += 1)
    sockets.push(
      connect(place)
        .on('error', () => undefined)
        .resume(),
    );
}

const open = (): number => sockets.filter((socket) => !socket.readableEnded && !socket.closed).length;

function deniedOf(workspace: string): number {
  const rows = fixture.denials.filter(
    (row) => row.workspace === workspace && row.reason === 'TOO_MANY_CONNECTIONS',
  );
  return rows.reduce((sum, { repeats }) => sum + repeats, 0);
}

test('all ports of a workspace together take no more than their share of the gateway', async () => {
  const ports = portsOf('greedy');
  expect(ports.length * EACH).toBeGreaterThan(GATEWAY);
  for (const place of ports) openMany(place, EACH);
  await until('its share is all that it has', () => open() <= SHARE + MORE * ports.length);
  const result = await ask({ ...fixture.client('modest'), url: 'https://page.example.com/' });
  expect(result).toMatchObject({ outcome: 'ok' });
  const denied = sockets.length - open();
  await until('each that was denied is in a row', () => deniedOf('greedy') >= denied);
  expect(deniedOf('greedy')).toBe(denied);
});

test('one port takes what the others do not use', async () => {
  const [place] = portsOf('modest');
  if (place === undefined) throw new Error('no port');
  await until('it has half of the share', () => {
    if (open() < SHARE / 2) openMany(place, 1);
    return open() >= SHARE / 2;
  });
});
