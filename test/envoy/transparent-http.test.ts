// Plain HTTP of clients that know of no proxy, in origin form to where they believe the server to be: the Host header
// is the name that is decided and looked up, by the same table as on the proxy port.
import type { OriginPage } from '../outside/origin-page.ts';
import { STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { ask, openTunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { DRY_RUN, type WrittenAccess, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const PAGE = 'page.example.com';
const ALT = 'alt.example.com';
const UNLISTED = 'unlisted.example.net';

const LAB: WrittenAccess = {
  allowedInternetDestinations: [
    { destination: PAGE },
    { destination: '*.wild.example.com' },
    { destination: 'private.wild.example.com' },
    { destination: ALT, ports: [{ port: 8080, protocol: 'HTTP' }] },
  ],
  blockedInternetDestinations: [{ destination: 'blocked.wild.example.com' }],
};

let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: PAGE }, { name: ALT }, { name: UNLISTED }, { name: '*.wild.example.com' }],
    services: { ...STANDARD_SERVICES, 8080: 'http' },
    files: {
      'lab.yaml': workspaceYaml('lab', LAB),
      'dry.yaml': workspaceYaml('dry', { ...LAB, ...DRY_RUN }),
    },
  });
  const { closedAddress } = fixture.outside;
  await fixture.outside.addName({ name: 'private.wild.example.com', address: closedAddress });
});

afterAll(() => fixture.stop());

let sources = 20;

/** Sends exactly these lines; answers with what came back, and the rows that came of it. */
async function send(workspace: string, ...lines: readonly string[]) {
  const localAddress = `127.0.0.${++sources}`;
  const place = fixture.direct(workspace, 80);
  const bytes = lines.map((line) => `${line}\r\n`).join('') + '\r\n';
  const sent = { connect: `${PAGE}:80`, sends: 'bytes', bytes } as const;
  const { body = '' } = await ask({ ...place, ...sent, localAddress });
  const marker = `after-${localAddress.replaceAll('.', '-')}.example.net`;
  await ask({ ...fixture.client(workspace), url: `http://${marker}/` });
  await fixture.denialsWith({ destination: marker });
  const rows = fixture.denials.filter(({ source }) => source.startsWith(`${localAddress}:`));
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(body)?.[1]),
    rows: rows.map((row) => `${row.accessType} ${row.reason} ${row.destination}:${row.port}`),
  };
}

const GET = 'GET / HTTP/1.1';

test('an allowed Host is reached where our own DNS has it, without a trace of the gateway', async () => {
  const result = await ask({ ...fixture.direct('lab', 80), url: `http://${PAGE}/` });
  const { origin, headers } = JSON.parse(result.body ?? '') as OriginPage;
  expect(origin).toBe(`${fixture.outside.addressOf(PAGE)}:80`);
  expect(Object.keys(headers).toSorted()).toEqual(['accept', 'host']);
});

test.each([
  ['a Host in upper case', [GET, 'Host: PAGE.Example.COM']],
  ['a Host with its port', [GET, `Host: ${PAGE}:80`]],
  ['a Host with a listed port', [GET, `Host: ${ALT}:8080`]],
  ['an absolute form with another Host', [`GET http://${PAGE}/ HTTP/1.1`, `Host: ${UNLISTED}`]],
  ['HTTP/1.0', ['GET / HTTP/1.0', `Host: ${PAGE}`]],
])('%s passes, without a row', async (_what, lines) => {
  expect(await send('lab', ...lines)).toEqual({ status: 200, rows: [] });
});

test.each([
  ['an unlisted Host', [GET, `Host: ${UNLISTED}`], 403, `DESTINATION_NOT_ALLOWED ${UNLISTED}:80`],
  [
    'an absolute form with a listed Host',
    [`GET http://${UNLISTED}/ HTTP/1.1`, `Host: ${PAGE}`],
    403,
    `DESTINATION_NOT_ALLOWED ${UNLISTED}:80`,
  ],
  [
    'a blocked Host',
    [GET, 'Host: blocked.wild.example.com'],
    403,
    'DESTINATION_BLOCKED blocked.wild.example.com:80',
  ],
  ['another port', [GET, `Host: ${PAGE}:8080`], 403, `PORT_NOT_ALLOWED ${PAGE}:8080`],
  ['the wrong port of a listed one', [GET, `Host: ${ALT}`], 403, `PORT_NOT_ALLOWED ${ALT}:80`],
  ['an address', [GET, 'Host: 192.0.2.7'], 403, 'IP_LITERAL 192.0.2.7:80'],
  ['a metadata address', [GET, 'Host: 169.254.169.254'], 403, 'METADATA_ADDRESS 169.254.169.254:80'],
  [
    'a bucket',
    [GET, 'Host: secrets.s3.us-west-2.amazonaws.com'],
    403,
    'BUCKET_NOT_ALLOWED secrets.s3.us-west-2.amazonaws.com:80',
  ],
  [
    'a name that leads to a private address',
    [GET, 'Host: private.wild.example.com'],
    403,
    'ADDRESS_DENIED private.wild.example.com:80',
  ],
  [
    'headers that claim another lane',
    [GET, `Host: ${UNLISTED}`, 'x-sallyport-caller: dry', 'x-sallyport-lane: dry-run'],
    403,
    `DESTINATION_NOT_ALLOWED ${UNLISTED}:80`,
  ],
  [
    'CONNECT to an unlisted host',
    [`CONNECT ${UNLISTED}:443 HTTP/1.1`, `Host: ${PAGE}`],
    403,
    `DESTINATION_NOT_ALLOWED ${UNLISTED}:443`,
  ],
])('%s is denied, in exactly one row', async (_what, lines, status, row) => {
  expect(await send('lab', ...lines)).toEqual({ status, rows: [`DROP ${row}`] });
});

test.each([
  ['no Host', [GET, 'Accept: */*'], 400],
  ['an empty Host', [GET, 'Host:'], 403],
  ['a Host that is no name', [GET, 'Host: a b'], 400],
  ['the preface of HTTP/2', ['PRI * HTTP/2.0', '', 'SM', ''], 400],
  ['no HTTP', ['\x16\x03\x01'], 400],
])('%s is denied as a bad request, in exactly one row', async (_what, lines, status) => {
  const answer = await send('lab', ...lines);
  expect(answer).toEqual({
    status,
    rows: [expect.stringMatching(/^DROP (?:BAD_REQUEST|BAD_NAME|DESTINATION_NOT_ALLOWED) /)],
  });
});

test('two Hosts are denied', async () => {
  const answer = await send('lab', GET, `Host: ${PAGE}`, `Host: ${UNLISTED}`);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.rows).toHaveLength(1);
});

test.each([
  ['a request line of 64 kB', [`GET /${'a'.repeat(65_536)} HTTP/1.1`, `Host: ${PAGE}`]],
  ['a header of 64 kB', [GET, `Host: ${PAGE}`, `X-Long: ${'a'.repeat(65_536)}`]],
  ['101 headers', [GET, `Host: ${PAGE}`, ...Array.from({ length: 100 }, (_, n) => `X-Header-${n}: a`)]],
])('%s are answered 431, in exactly one row', async (_what, lines) => {
  const answer = await send('lab', ...lines);
  expect(answer).toEqual({ status: 431, rows: [expect.stringMatching(/^DROP HEADERS_TOO_LARGE /)] });
});

test('each request of a connection is decided by its own Host', async () => {
  const connection = await openTunnel({ ...fixture.direct('lab', 80), url: `http://${PAGE}/` });
  const first = await connection.get('/first');
  expect(first.status).toBe(200);
  connection.close();
});

test('in dry-run an unlisted Host passes, and is one row', async () => {
  const answer = await send('dry', GET, `Host: ${UNLISTED}`);
  expect(answer).toEqual({
    status: 200,
    rows: [`DRY_RUN_DENIAL DESTINATION_NOT_ALLOWED ${UNLISTED}:80`],
  });
});
