// WebSocket over plain HTTP: an upgrade to an allowed name passes and carries bytes both ways, any other is denied.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { type ResponseHead, readResponse } from '../outside/http-exchange.ts';
import { openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, privateEndpointYaml, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const ALLOWED = 'chat.example.com';
const FORBIDDEN = 'chat.example.net';
const PRIVATE = 'chat.private.example.com';
const OTHER = 'other.private.example.com';
const ACCEPTANCE = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

let fixture: GatewayFixture;
let server: Server;
let privateServer: Server;

function echoServer(): Server {
  return createServer().on('upgrade', (_request, socket) => {
    socket.write(ACCEPTANCE);
    socket.pipe(socket);
  });
}

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: ALLOWED, services: {} }],
    files: (outside) => ({
      'lab.yaml': workspaceYaml('lab', allow([ALLOWED])),
      'endpoint.yaml': endpointYaml([PRIVATE, OTHER], outside.closedAddress),
    }),
  });
  await fixture.outside.addName({ name: PRIVATE, address: fixture.outside.closedAddress, services: {} });
  [server, privateServer] = [echoServer(), echoServer()];
  server.listen(80, fixture.outside.addressOf(ALLOWED));
  await once(server, 'listening');
  privateServer.listen(80, fixture.outside.closedAddress);
  await once(privateServer, 'listening');
});

afterAll(async () => {
  await fixture.stop();
  server.close();
  privateServer.close();
});

function endpointYaml(domains: readonly string[], address: string): string {
  return privateEndpointYaml('chat', { domains, addressRanges: [`${address}/32`], workspaces: ['lab'] });
}

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

test('an upgrade to another name is denied', async () => {
  const { tunnel, response } = await upgrade(FORBIDDEN);
  expect(response).toMatchObject({
    status: 403,
    headers: { 'x-sallyport-reason': 'DESTINATION_NOT_ALLOWED' },
  });
  const rows = await fixture.denialsWith({ destination: FORBIDDEN });
  expect(rows).toMatchObject([{ accessType: 'DROP', reason: 'DESTINATION_NOT_ALLOWED', port: 80 }]);
  tunnel.close();
});

test('a WebSocket to a name that a private endpoint has lost ends, with a row', async () => {
  const { tunnel, response } = await upgrade(PRIVATE);
  expect(response).toMatchObject({ status: 101 });
  await writeFile(
    join(fixture.folder, 'endpoint.yaml'),
    endpointYaml([OTHER], fixture.outside.closedAddress),
  );
  await fixture.gateway.refresh();
  await tunnel.closed;
  const rows = await fixture.denialsWith({ destination: PRIVATE, reason: 'DESTINATION_REVOKED' });
  expect(rows).toMatchObject([{ accessType: 'DROP', port: 80 }]);
});
