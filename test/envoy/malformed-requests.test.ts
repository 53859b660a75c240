// Requests that make no sense: each is answered with a denial and leaves one row, and Envoy lives on.
import { connect } from 'node:net';
import { ByteReader } from '../outside/byte-reader.ts';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const ALLOWED = 'page.example.com';
const FORBIDDEN = 'forbidden.example.net';
const LONG_NAME = `${'a'.repeat(300)}.example.com`;
const END = 'HTTP/1.1\r\nHost: x.example.com\r\n\r\n';

let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: ALLOWED }],
    files: { 'lab.yaml': workspaceYaml('lab', allow([ALLOWED])) },
  });
});

afterAll(() => fixture.stop());

/** What is sent; the status of the answer and the reason of the row. */
const CASES: readonly (readonly [what: string, bytes: string, verdict: string])[] = [
  ['https:// without CONNECT', `GET https://${ALLOWED}/ ${END}`, '403 HTTPS_WITHOUT_CONNECT'],
  ['CONNECT without a port', `CONNECT ${ALLOWED} ${END}`, '400 BAD_REQUEST'],
  ['port 0', `CONNECT ${ALLOWED}:0 ${END}`, '403 BAD_NAME'],
  ['a port with leading zeros', `CONNECT ${ALLOWED}:00443 ${END}`, '403 BAD_NAME'],
  ['a port out of range', `CONNECT ${ALLOWED}:65536 ${END}`, '400 BAD_REQUEST'],
  ['a port that is no number', `CONNECT ${ALLOWED}:https ${END}`, '400 BAD_REQUEST'],
  ['a name with an underscore', `CONNECT a_b.example.com:443 ${END}`, '400 BAD_REQUEST'],
  ['a name with a space', `CONNECT page .example.com:443 ${END}`, '400 BAD_REQUEST'],
  ['a name with a byte above 127', `CONNECT p\xe4ge.example.com:443 ${END}`, '400 BAD_REQUEST'],
  ['a name that is too long', `CONNECT ${LONG_NAME}:443 ${END}`, '403 BAD_NAME'],
  [
    'CONNECT to a forbidden name with two Hosts that are allowed',
    `CONNECT ${FORBIDDEN}:443 HTTP/1.1\r\nHost: ${ALLOWED}:443\r\nHost: ${ALLOWED}:443\r\n\r\n`,
    '403 DESTINATION_NOT_ALLOWED',
  ],
  ['two Hosts', `GET / HTTP/1.1\r\nHost: ${ALLOWED}\r\nHost: ${FORBIDDEN}\r\n\r\n`, '403 BAD_NAME'],
  [
    'CONNECT with a body',
    `CONNECT ${ALLOWED}:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nping`,
    '400 BAD_REQUEST',
  ],
  [
    'a length and chunks together',
    `POST http://${ALLOWED}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    '400 BAD_REQUEST',
  ],
  ['a request line of 64 kB', `GET http://${ALLOWED}/${'a'.repeat(65_536)} ${END}`, '431 HEADERS_TOO_LARGE'],
  ['SOCKS', '\x05\x01\x00', '400 BAD_REQUEST'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400 BAD_REQUEST'],
];

// The row of a request without a readable name can be found by its source only, so each case has its own.
const WITH_SOURCE = CASES.map(([what, ...rest], n) => [what, `127.0.1.${n + 1}`, ...rest] as const);

test.each(WITH_SOURCE)('%s', async (_what, source, bytes, verdict) => {
  const answer = await sendRaw(bytes, source);
  const rows = await rowsFrom(source);
  const status = /^HTTP\/1\.1 (\d+) /.exec(answer)?.[1];
  expect(rows.map(({ reason }) => `${status} ${reason}`)).toEqual([verdict]);
  expect(rows).toMatchObject([{ accessType: 'DROP', workspace: 'lab', product: 'JOBS' }]);
});

test('none of them reached a server, and the same Envoy continues', async () => {
  expect(fixture.outside.origins.arrivals).toEqual([]);
  const result = await ask({ ...fixture.client('lab'), url: `https://${ALLOWED}/` });
  expect(result).toMatchObject({ outcome: 'ok', status: 200 });
  const log = await fixture.envoyLog();
  expect(log.match(/starting main dispatch loop/g)).toHaveLength(1);
});

// The head was allowed and may have left; the body is denied all the same.
test.each([
  ['a chunk whose size is no number', '127.0.2.1', 'zz\r\n'],
  ['a chunk of negative size', '127.0.2.2', '-1\r\n'],
])('%s', async (_what, source, body) => {
  const head = `POST / HTTP/1.1\r\nHost: ${ALLOWED}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  expect(await sendRaw(`${head}${body}`, source)).toMatch(/^HTTP\/1\.1 400 /);
  expect(await rowsFrom(source)).toMatchObject([
    { accessType: 'DROP', reason: 'BAD_REQUEST', destination: ALLOWED, port: 80 },
  ]);
});

/** The beginning of what the egress listener answers to these bytes; throws where it answers nothing. */
async function sendRaw(bytes: string, localAddress: string): Promise<string> {
  const { proxy } = fixture.client('lab');
  const socket = connect({ ...proxy, localAddress });
  const reader = new ByteReader(socket);
  socket.write(bytes, 'latin1');
  const answer = await reader.readSome();
  socket.destroy();
  return answer.toString('latin1');
}

/** All rows of the address, once Envoy has written its line. */
async function rowsFrom(address: string) {
  await fixture.logLines(({ context }) => context.source.startsWith(`${address}:`), 1);
  await fixture.gateway.drained();
  return fixture.denials.filter(({ source }) => source.startsWith(`${address}:`));
}
