// Dry-run lanes deny what no mode allows, blocked destinations and cloud metadata; whatever else the policy would
// deny passes to where it was going, and leaves one row, written while the connection is still open.
import { STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { type AskTunnel, type AskUrl, ask, openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, type WrittenPort, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const PORTS: readonly WrittenPort[] = [443, 7000, 8022].map((port) => ({ port, protocol: 'TLS' }));
const LISTED = ['another-sni', 'no-sni', 'not-tls', 'another-port', 'server-first'].map(
  (name) => `${name}.example.com`,
);
const UNLISTED = ['by-address.example.com', 'unlisted.example.net', 'unlisted-http.example.net'];
const BLOCKED = 'blocked.example.com';

let fixture: GatewayFixture;

beforeAll(async () => {
  const access = {
    ...allow([...LISTED, '*.example.com'], PORTS),
    blockedInternetDestinations: [{ destination: BLOCKED }],
  };
  fixture = await startGateway({
    names: [...LISTED, ...UNLISTED, BLOCKED].map((name) => ({ name })),
    services: { ...STANDARD_SERVICES, 7000: 'echo', 8022: 'ssh', 8443: 'https' },
    files: { 'lab.yaml': workspaceYaml('lab', { ...access, ...DRY_RUN }) },
  });
});

afterAll(() => fixture.stop());

type Exchange = (tunnel: Tunnel) => Promise<unknown>;

const getPage: Exchange = async (tunnel) => (await tunnel.get('/')).status;
const readBanner: Exchange = async (tunnel) => (await tunnel.reader.readExactly(3)).toString();
const echoPing: Exchange = async (tunnel) => {
  tunnel.socket.write('ping');
  return (await tunnel.reader.readExactly(4)).toString();
};

interface Attempt {
  /** Whose server it must reach. */
  readonly name: string;
  readonly asks: Pick<AskUrl, 'url' | 'sni'> | Pick<AskTunnel, 'connect' | 'sends'>;
  readonly exchange: readonly [Exchange, unknown];
  readonly reason: string;
  readonly port: number;
}

const page = [getPage, 200] as const;

const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  'another server name': {
    name: 'another-sni.example.com',
    asks: { url: 'https://another-sni.example.com/', sni: 'front.example.com' },
    exchange: page,
    reason: 'SNI_MISMATCH',
    port: 443,
  },
  'no server name': {
    name: 'no-sni.example.com',
    asks: { url: 'https://no-sni.example.com/', sni: null },
    exchange: page,
    reason: 'NO_SNI',
    port: 443,
  },
  'other bytes than TLS': {
    name: 'not-tls.example.com',
    asks: { connect: 'not-tls.example.com:7000', sends: 'nothing' },
    exchange: [echoPing, 'ping'],
    reason: 'NOT_TLS',
    port: 7000,
  },
  'a protocol in which the server speaks first': {
    name: 'server-first.example.com',
    asks: { connect: 'server-first.example.com:8022', sends: 'nothing' },
    exchange: [readBanner, 'SSH'],
    reason: 'NOT_TLS',
    port: 8022,
  },
  'a port that is not listed': {
    name: 'another-port.example.com',
    asks: { url: 'https://another-port.example.com:8443/' },
    exchange: page,
    reason: 'PORT_NOT_ALLOWED',
    port: 8443,
  },
  'plain HTTP to a name that is not listed': {
    name: 'unlisted-http.example.net',
    asks: { url: 'http://unlisted-http.example.net/' },
    exchange: page,
    reason: 'DESTINATION_NOT_ALLOWED',
    port: 80,
  },
  'TLS to a name that is not listed': {
    name: 'unlisted.example.net',
    asks: { url: 'https://unlisted.example.net/' },
    exchange: page,
    reason: 'DESTINATION_NOT_ALLOWED',
    port: 443,
  },
};

async function expectToPass(
  { name, asks, exchange, reason, port }: Attempt,
  destination = name,
): Promise<void> {
  const tunnel = await openTunnel({ ...fixture.client('lab'), ...asks });
  const [talk, answer] = exchange;
  expect(await talk(tunnel)).toEqual(answer);
  const rows = await fixture.denialsWith({ destination });
  expect(tunnel.socket.destroyed).toBe(false);
  expect(rows).toMatchObject([
    { accessType: 'DRY_RUN_DENIAL', reason, port, workspace: 'lab', product: 'JOBS' },
  ]);
  const address = fixture.outside.addressOf(name);
  expect(fixture.outside.arrivalsFor(name)).toMatchObject([{ address, port }]);
  tunnel.close();
}

test.each(Object.entries(ATTEMPTS))(
  '%s passes, and leaves its row while the connection is open',
  async (_what, attempt) => {
    await expectToPass(attempt);
  },
);

test('an address passes, and leaves its row while the connection is open', async () => {
  const name = 'by-address.example.com';
  const address = fixture.outside.addressOf(name);
  const asks = { url: `https://${address}/` };
  await expectToPass({ name, asks, exchange: page, reason: 'IP_LITERAL', port: 443 }, address);
});

test.each([
  ['http://169.254.169.254/', 'METADATA_ADDRESS', '169.254.169.254', 80],
  ['https://169.254.169.254/', 'METADATA_ADDRESS', '169.254.169.254', 443],
  ['http://metadata.google.internal/', 'METADATA_ADDRESS', 'metadata.google.internal', 80],
  [`https://${BLOCKED}/`, 'DESTINATION_BLOCKED', BLOCKED, 443],
  [`http://${BLOCKED}/`, 'DESTINATION_BLOCKED', BLOCKED, 80],
  [`https://${BLOCKED}:8443/`, 'DESTINATION_BLOCKED', BLOCKED, 8443],
])('%s stays shut, and its row says so', async (url, reason, destination, port) => {
  const result = await ask({ ...fixture.client('lab'), url });
  expect(result).toMatchObject({ outcome: 'refused', proxyStatus: 403, reason });
  expect(await fixture.denialsWith({ destination, port })).toMatchObject([{ reason, accessType: 'DROP' }]);
  expect(fixture.outside.arrivalsFor(destination)).toEqual([]);
  expect(fixture.outside.dns.questionsFor(destination)).toEqual([]);
});

test('the end of those connections leaves no second row', async () => {
  const before = await fixture.denialsWith({ accessType: 'DRY_RUN_DENIAL' });
  await fixture.stopGateway();
  const after = fixture.denials.filter(({ accessType }) => accessType === 'DRY_RUN_DENIAL');
  expect(after).toEqual(before);
  expect(new Set(after.map(({ destination }) => destination)).size).toBe(after.length);
});
