// `protocol: TCP`: any bytes pass on the ports that say so, whoever speaks first, and on no other port of the name.
import { STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { ask, openTunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const GIT = 'git.example.com';
const QUIET = 'quiet.example.com';
const DATABASE = 'db.example.com';

let fixture: GatewayFixture;

beforeAll(async () => {
  const ports = [
    { port: 22, protocol: 'TCP' },
    { port: 5432, protocol: 'TCP' },
    { port: 8443, protocol: 'TLS' },
  ] as const;
  fixture = await startGateway({
    names: [{ name: GIT }, { name: QUIET }, { name: DATABASE }],
    services: { ...STANDARD_SERVICES, 5432: 'echo' },
    files: { 'lab.yaml': workspaceYaml('lab', allow([GIT, QUIET, DATABASE], ports)) },
  });
});

afterAll(() => fixture.stop());

test('a server that speaks first is received', async () => {
  const asked = (port: number) =>
    ask({ ...fixture.client('lab'), connect: `${GIT}:${port}`, sends: 'nothing' });
  const [raw, tls] = [asked(22), asked(8443)];
  const first = await Promise.race([raw.then(() => 'raw'), tls.then(() => 'tls')]);
  expect(await raw).toMatchObject({ outcome: 'ok', body: 'SSH-2.0-Stand-in\r\n' });
  // The tunnel checks for TLS wait for the client, this one for nobody.
  expect(first).toBe('raw');
  expect((await tls).outcome).not.toBe('ok');
});

test('tunnels that are opened at once each reach their own server', async () => {
  const names = Array.from({ length: 50 }, (_, at) => [GIT, QUIET][at % 2] as string);
  const arrived = (): readonly number[] =>
    [GIT, QUIET].map((name) => fixture.outside.arrivalsFor(name).length);
  const [git = 0, quiet = 0] = arrived();
  const results = await Promise.all(
    names.map((name) => ask({ ...fixture.client('lab'), connect: `${name}:22`, sends: 'nothing' })),
  );
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['ok']));
  expect(arrived()).toEqual([git + 25, quiet + 25]);
});

test.each([
  ['that are no TLS', Buffer.from('0000000804d2162f', 'hex')],
  ['that look like the beginning of TLS', Buffer.from('160301020001', 'hex')],
])('a client that speaks first is heard: bytes %s', async (_what, bytes) => {
  const tunnel = await openTunnel({
    ...fixture.client('lab'),
    connect: `${DATABASE}:5432`,
    sends: 'nothing',
  });
  tunnel.socket.write(bytes);
  expect(await tunnel.reader.readExactly(bytes.length)).toEqual(bytes);
  tunnel.close();
});

test.each([
  ['443, the default of destinations without ports', { url: `https://${GIT}/` }, 443],
  ['80, plain HTTP', { url: `http://${GIT}/` }, 80],
  ['22, but as plain HTTP', { url: `http://${GIT}:22/` }, 22],
  ['2222', { connect: `${GIT}:2222` }, 2222],
])('port %s is denied and nothing arrives there', async (_what, request, port) => {
  const arrivedBefore = fixture.outside.arrivalsFor(GIT).length;
  const result = await ask({ ...fixture.client('lab'), ...request });
  expect(result).toMatchObject({ outcome: 'refused', proxyStatus: 403, reason: 'PORT_NOT_ALLOWED' });
  const rows = await fixture.denialsWith({ destination: GIT, port });
  expect(rows).toMatchObject([
    { accessType: 'DROP', reason: 'PORT_NOT_ALLOWED', rule: expect.stringContaining(GIT) },
  ]);
  expect(fixture.outside.arrivalsFor(GIT)).toHaveLength(arrivedBefore);
});

test('another name is denied on the same port, and never looked up', async () => {
  const result = await ask({ ...fixture.client('lab'), connect: 'other.example.com:22', sends: 'nothing' });
  expect(result).toMatchObject({ outcome: 'refused', reason: 'DESTINATION_NOT_ALLOWED' });
  expect(fixture.outside.dns.questionsFor('other.example.com')).toEqual([]);
});
