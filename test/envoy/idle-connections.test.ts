// Connections count from the moment at which they are accepted: whoever opens many and says nothing stops himself, on
// each kind of port, and leaves a row; nobody else notices. So it is on a port that was added while Envoy ran.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const LIMIT = 20;
/** Those that say nothing have a sixteenth more. */
const MOST = 22;
const IDLE = 60;
const ALLOWED = allow(['page.example.com']);

let fixture: GatewayFixture;
const sockets: Socket[] = [];

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: 'page.example.com' }],
    files: {
      'greedy.yaml': workspaceYaml('greedy', ALLOWED),
      'modest.yaml': workspaceYaml('modest', ALLOWED),
    },
    maxConnections: LIMIT,
  });
});

afterEach(async () => {
  const closed = sockets.map((socket) => (socket.closed ? undefined : once(socket, 'close')));
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(closed);
});

afterAll(() => fixture.stop());

/** How many of many silent connections stay. */
async function staying(place: { readonly host: string; readonly port: number }): Promise<number> {
  const opened = Array.from({ length: IDLE }, () => connect(place).on('error', () => undefined));
  sockets.push(...opened);
  const closed = (): number => opened.filter((socket) => socket.readableEnded || socket.closed).length;
  for (const socket of opened) socket.resume();
  await until('those beyond the limit are closed', () => closed() >= IDLE - MOST);
  return IDLE - closed();
}

/** Connections that the rows of a workspace are about. */
function deniedOf(workspace: string): number {
  const rows = fixture.denials.filter((denial) => denial.workspace === workspace);
  return rows.reduce((sum, { repeats }) => sum + repeats, 0);
}

test.each([
  ['transparent TLS', 443],
  ['plain HTTP', 80],
])('%s: no more than the limit stay open in silence, and the others are a row', async (_kind, port) => {
  const before = deniedOf('greedy');
  const left = await staying(fixture.direct('greedy', port, 'DBSQL').address);
  expect(left).toBeLessThanOrEqual(MOST);
  const result = await ask({ ...fixture.client('modest'), url: 'https://page.example.com/' });
  expect(result).toMatchObject({ outcome: 'ok' });
  await until('rows count each that was denied', () => deniedOf('greedy') - before >= IDLE - left);
  expect(deniedOf('greedy') - before).toBe(IDLE - left);
  expect(fixture.denials.at(-1)).toMatchObject({
    ...{ accessType: 'DROP', reason: 'TOO_MANY_CONNECTIONS', workspace: 'greedy', product: 'DBSQL' },
  });
});

test('a workspace that comes later has the same limit from its first connection on', async () => {
  await writeFile(join(fixture.folder, 'late.yaml'), workspaceYaml('late', ALLOWED));
  await fixture.gateway.refresh();
  expect(await staying(fixture.direct('late', 443).address)).toBeLessThanOrEqual(MOST);
  await fixture.denialsWith({ workspace: 'late', reason: 'TOO_MANY_CONNECTIONS' });
});
