// Upgrades that a client offers on a plain request, as Apache's HttpClient does on each: to anything but WebSocket they
// are as if they were not there, on the proxy port and the http port, in every lane.
import { connect } from 'node:net';
import { ByteReader } from '../outside/byte-reader.ts';
import { readResponse } from '../outside/http-exchange.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const ALLOWED = 'page.example.com';
const UNLISTED = 'unlisted.example.net';
const OFFERS = ['TLS/1.2', 'h2c', 'connect-udp', 'unknown', 'TLS/1.2, HTTP/2.0', 'websockets', 'WebSocke'];

let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: ALLOWED }, { name: UNLISTED }],
    files: {
      'lab.yaml': workspaceYaml('lab', allow([ALLOWED])),
      'dry.yaml': workspaceYaml('dry', { ...allow([ALLOWED]), ...DRY_RUN }),
    },
  });
});

afterAll(() => fixture.stop());

async function offer(workspace: string, port: 'proxy' | 'http', name: string, upgrade: string) {
  const place = port === 'proxy' ? fixture.client(workspace).proxy : fixture.direct(workspace, 80).address;
  const target = port === 'proxy' ? `http://${name}/` : '/';
  const socket = connect(place);
  const reader = new ByteReader(socket);
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: ${name}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`,
  );
  const { status, headers } = await readResponse(reader, 'GET');
  socket.destroy();
  return { status, reason: headers['x-sallyport-reason'] };
}

const WAYS = ['lab', 'dry'].flatMap((workspace) =>
  (['proxy', 'http'] as const).flatMap((port) =>
    OFFERS.map((upgrade) => [workspace, port, upgrade] as const),
  ),
);

test.each(WAYS)(
  '%s, %s port: an allowed name answers to an offer of %j',
  async (workspace, port, upgrade) => {
    expect(await offer(workspace, port, ALLOWED, upgrade)).toEqual({ status: 200, reason: undefined });
  },
);

test.each(OFFERS)(
  'an unlisted name is denied, or passes in dry-run, with an offer of %j too',
  async (upgrade) => {
    expect(await offer('lab', 'proxy', UNLISTED, upgrade)).toEqual({
      status: 403,
      reason: 'DESTINATION_NOT_ALLOWED',
    });
    expect(await offer('dry', 'proxy', UNLISTED, upgrade)).toEqual({ status: 200, reason: undefined });
  },
);

test('rows say what was answered: none for the allowed name, one for each request to the other', async () => {
  await fixture.stopGateway();
  const rows = Map.groupBy(
    fixture.denials,
    (row) => `${row.workspace} ${row.accessType} ${row.reason} ${row.destination}`,
  );
  expect([...rows].map(([row, all]) => `${all.length} ${row}`).toSorted()).toEqual([
    `${OFFERS.length} dry DRY_RUN_DENIAL DESTINATION_NOT_ALLOWED ${UNLISTED}`,
    `${OFFERS.length} lab DROP DESTINATION_NOT_ALLOWED ${UNLISTED}`,
  ]);
});
