// `sallyport run`: connections from outside that Envoy closes at once, since the port has as many as it may, are rows
// that count each of them, also those of the last moment.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { until } from '../support/until.ts';

const LIMIT = 20;
const REFUSED = 30;
const FILES = {
  'workspace.yaml': `
apiVersion: v1
kind: Namespace
metadata: {name: analytics, labels: {sallyport.dev/workspace: w1}}
---
apiVersion: sallyport.dev/v1alpha1
kind: WorkspaceConf
metadata: {name: workspace, namespace: analytics}
spec: {ingress: {hosts: [a.example.com], backends: [{address: 127.0.0.1, port: 1}]}}
`,
};
const SQL = `select reason, source.ip as ip, workspace, host, listener, sum(repeats) as refused
  from system.access.inbound_network group by all`;

let fixture: GatewayFixture;
const sockets: Socket[] = [];
beforeAll(async () => {
  fixture = await startGateway({ names: [], files: FILES, maxConnections: LIMIT });
  await until('the port serves', () => typeof fixture.gateway.endpoints.ingress?.[0]?.http === 'string');
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await fixture.stop();
});

function open(count: number, bytes = ''): readonly Socket[] {
  const [host = '', port] = (fixture.gateway.endpoints.ingress?.[0]?.http ?? '').split(':');
  const opened = Array.from({ length: count }, () => connect({ host, port: Number(port) }));
  sockets.push(...opened);
  for (const socket of opened) socket.on('error', () => undefined).write(bytes);
  return opened;
}

/** As many as may be open, and stay, since each had an answer. */
async function fill(): Promise<void> {
  const held = open(LIMIT, 'GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n');
  await Promise.all(held.map((socket) => once(socket, 'data')));
}

async function flood(): Promise<void> {
  const refused = open(REFUSED).map((socket) => socket.resume());
  await until('each of them is closed', () => refused.every(({ closed }) => closed));
}

function rows(state: string) {
  return queryDenials({ ...statePaths(state), sql: SQL });
}

test('a row counts all of them, also those before the end', async () => {
  const state = join(dirname(fixture.folder), 'state');
  const row = { reason: 'TOO_MANY_CONNECTIONS', ip: null, workspace: null, host: null, listener: 'ingress' };
  await fill();
  await flood();
  await until('a row counts them', async () => {
    await fixture.gateway.drained();
    const answer = await rows(state);
    return 'rows' in answer && Number(answer.rows[0]?.['refused'] ?? 0) >= REFUSED;
  });
  expect(await rows(state)).toMatchObject({ rows: [{ ...row, refused: REFUSED }] });
  expect(fixture.failures).toContainEqual(
    expect.stringMatching(/^Ingress: Envoy closed \d+ connections at once/),
  );
  await flood();
  await fixture.stopGateway();
  expect(await rows(state)).toMatchObject({ rows: [{ ...row, refused: 2 * REFUSED }] });
});
