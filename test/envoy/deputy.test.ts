// The gateway is nobody's deputy: what it reaches of itself, its own lanes and loopback, stays shut in dry-run lanes
// too, for names and addresses, on every way in; each attempt leaves one DROP row, and none of another workspace.
import { once } from 'node:events';
import { connect } from 'node:net';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, type WrittenPort, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const PORTS: readonly WrittenPort[] = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 22, protocol: 'TCP' },
];
const DENIED = /^DROP (?:ADDRESS_DENIED|UNRESOLVED_OR_PRIVATE|BAD_NAME)$/;

let fixture: GatewayFixture;
let sources = 0;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: 'open.example.com' }],
    files: {
      'dry.yaml': workspaceYaml('dry', { ...allow(['*.example.com'], PORTS), ...DRY_RUN }),
      'victim.yaml': workspaceYaml('victim', allow(['open.example.com'])),
    },
  });
  const { outside } = fixture;
  for (const name of ['listed.example.com', 'unlisted.example.net'])
    await outside.addName({ name, address: outside.closedAddress });
  for (const name of ['gateway.example.com', 'gateway.example.net'])
    await outside.addName({ name, address: outside.listenAddress, services: {} });
});

afterAll(() => fixture.stop());

function rowsFrom(localAddress: string): readonly string[] {
  const rows = fixture.denials.filter(({ source }) => source.startsWith(`${localAddress}:`));
  return rows.map(({ accessType, reason }) => `${accessType} ${reason}`);
}

/** What came of it, and the row that it left; that it left no other is checked at the end. */
async function attempt(request: Parameters<typeof ask>[0]) {
  const localAddress = `127.0.3.${(sources += 1)}`;
  const { outcome } = await ask({ ...request, localAddress });
  await until('its row is there', () => rowsFrom(localAddress).length > 0);
  return { outcome, rows: rowsFrom(localAddress) };
}

async function expectDenied(request: Parameters<typeof ask>[0]): Promise<void> {
  const { outcome, rows } = await attempt(request);
  expect(outcome).not.toBe('ok');
  expect(rows).toEqual([expect.stringMatching(DENIED)]);
}

/** Of an address, in every spelling that a resolver may know. */
function spellings(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  return [
    address,
    `${a}.${b}.${c * 256 + d}`,
    `${number}`,
    `0x${number.toString(16)}`,
    `[::ffff:${address}]`,
  ];
}

describe.each(['listed.example.com', 'unlisted.example.net'])('%s, which leads to loopback,', (name) => {
  test.each(['443', '80', '22', '8443'])('is not dialled on port %s, by CONNECT', async (port) => {
    const sends = port === '22' ? 'nothing' : 'tls';
    await expectDenied({ ...fixture.client('dry'), connect: `${name}:${port}`, sends });
  });

  test('is not dialled by plain HTTP, on the proxy port and the http port', async () => {
    await expectDenied({ ...fixture.client('dry'), url: `http://${name}/` });
    await expectDenied({ ...fixture.direct('dry', 80), url: `http://${name}/` });
  });

  test('is not dialled by transparent TLS', async () => {
    await expectDenied({ ...fixture.direct('dry', 443), url: `https://${name}/` });
  });
});

test('loopback is not dialled by its address, however it is spelled', async () => {
  for (const host of spellings(fixture.outside.closedAddress)) {
    await expectDenied({ ...fixture.client('dry'), connect: `${host}:443` });
    await expectDenied({ ...fixture.client('dry'), url: `http://${host}/` });
  }
});

test('nothing arrived at what listens there', () => {
  const { origins, closedAddress } = fixture.outside;
  expect(origins.arrivals.filter(({ address }) => address === closedAddress)).toEqual([]);
});

test.each(['gateway.example.com', 'gateway.example.net', 'its address'])(
  'the lane of another workspace is out of reach by %s, though the range is opened that it is in',
  async (what) => {
    const host = what === 'its address' ? fixture.outside.listenAddress : what;
    const { port } = fixture.client('victim').proxy;
    for (const offset of [0, 1, 2, 3]) {
      const authority = `${host}:${port + offset}`;
      await expectDenied({ ...fixture.client('dry'), connect: authority, sends: 'plain' });
      await expectDenied({ ...fixture.client('dry'), url: `http://${authority}/` });
    }
  },
);

test('what is beside it in the opened range passes, and what it says is a dry-run denial', async () => {
  const address = fixture.outside.addressOf('open.example.com');
  const { outcome, rows } = await attempt({ ...fixture.client('dry'), connect: `${address}:443` });
  expect([outcome, rows]).toEqual(['ok', ['DRY_RUN_DENIAL IP_LITERAL']]);
});

test('a port where nobody listens is not denied: the row is a dry-run denial', async () => {
  const address = fixture.outside.addressOf('open.example.com');
  const { outcome, rows } = await attempt({ ...fixture.client('dry'), connect: `${address}:9` });
  expect(outcome).not.toBe('ok');
  expect(rows).toEqual(['DRY_RUN_DENIAL IP_LITERAL']);
});

test('each attempt left one row, and none in the name of another workspace, though its egress listener is alive', async () => {
  const socket = connect(fixture.client('victim').proxy);
  await once(socket, 'connect');
  socket.destroy();
  await fixture.stopGateway();
  expect(fixture.denials.filter(({ workspace }) => workspace === 'victim')).toEqual([]);
  expect(fixture.denials).toHaveLength(sources);
});
