// WebSocket over plain HTTP: an upgrade to an allowed name passes and carries bytes both ways, any other is refused.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type ResponseHead, readResponse } from '../outside/http-exchange.ts';
import { openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from './gateway-fixture.ts';
import { allow, workspaceYaml } from './workspace-yaml.ts';

const ALLOWED = 'chat.example.com';
const FORBIDDEN = 'chat.example.net';
const ACCEPTANCE = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

let fixture: GatewayFixture;
let server: Server;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: ALLOWED, services: {} }],
    files: { 'lab.yaml': workspaceYaml('lab', allow([ALLOWED])) },
  });
  server = createServer().on('upgrade', (_request, socket) => {
    socket.write(ACCEPTANCE);
    socket.pipe(socket);
  });
  server.listen(80, fixture.world.addressOf(ALLOWED));
  await once(server, 'listening');
});

afterAll(async () => {
  await fixture.stop();
  server.close();
});

async function upgrade(name: string): Promise<{ readonly tunnel: Tunnel; readonly response: ResponseHead }> {
  const tunnel = await openTunnel({ ...fixture.client('lab'), url: `http://${name}/` });
  const headers = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: bm90aGluZw==',
  ];
  tunnel.socket.write([`GET http://${name}/chat HTTP/1.1`, `Host: ${name}`, ...headers, '', ''].join('\r\n'));
  return { tunnel, response: await readResponse(tunnel.reader, 'GET') };
}

test('an upgrade to an allowed name passes and carries bytes both ways', async () => {
  const { tunnel, response } = await upgrade(ALLOWED);
  expect(response).toMatchObject({ status: 101, headers: { upgrade: 'websocket' } });
  tunnel.socket.write('ping');
  expect((await tunnel.reader.readExactly(4)).toString()).toBe('ping');
  tunnel.close();
});

test('an upgrade to another name is refused', async () => {
  const { tunnel, response } = await upgrade(FORBIDDEN);
  expect(response).toMatchObject({
    status: 403,
    headers: { 'x-sallyport-reason': 'DESTINATION_NOT_ALLOWED' },
  });
  const rows = await fixture.denialsWith({ destination: FORBIDDEN });
  expect(rows).toMatchObject([{ accessType: 'DROP', reason: 'DESTINATION_NOT_ALLOWED', port: 80 }]);
  tunnel.close();
});
