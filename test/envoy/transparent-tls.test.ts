// Clients that know of no proxy and speak TLS to where they believe the server to be: the server name alone decides, by
// the same table, and each denied connection is exactly one row.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Denial } from '../../operator/model/denial.ts';
import { clientHello } from '../outside/client-hello.ts';
import type { OriginPage } from '../outside/origin-page.ts';
import { STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { type Ask, ask, openTunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, type WrittenAccess, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const PAGE = 'page.example.com';
const TWIN = 'sni-router.example.com';
const UNLISTED = 'unlisted.example.net';
const GIT = 'git.example.com';
const ALT = 'alt.example.com';

let fixture: GatewayFixture;

const LAB: WrittenAccess = {
  allowedInternetDestinations: [
    { destination: PAGE },
    { destination: '*.wild.example.com' },
    { destination: 'nowhere.example.com' },
    { destination: 'private.example.com' },
    { destination: ALT, ports: [{ port: 8443, protocol: 'TLS' }] },
    { destination: GIT, ports: [{ port: 443, protocol: 'TCP' }] },
  ],
  blockedInternetDestinations: [{ destination: 'blocked.wild.example.com' }],
};

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: PAGE }, { name: '*.wild.example.com' }, { name: UNLISTED }, { name: GIT }, { name: ALT }],
    services: { ...STANDARD_SERVICES, 8443: 'https' },
    files: {
      'lab.yaml': workspaceYaml('lab', LAB),
      'dry.yaml': workspaceYaml('dry', { ...LAB, ...DRY_RUN }),
    },
  });
  const { outside } = fixture;
  await outside.addName({ name: TWIN, address: outside.addressOf(PAGE) });
  await outside.addName({ name: 'private.example.com', address: outside.closedAddress });
});

afterAll(() => fixture.stop());

function askDirectly(workspace: string, name: string, more: Partial<Ask> = {}, port = 443) {
  const url = port === 443 ? `https://${name}/` : `https://${name}:${port}/`;
  return ask({ ...fixture.direct(workspace, port), url, ...more } as Ask);
}

function askBytes(workspace: string, bytes: string, more: Partial<Ask> = {}) {
  const sent = { connect: `${PAGE}:443`, sends: 'bytes', bytes: Buffer.from(bytes, 'latin1') } as const;
  return ask({ ...fixture.direct(workspace, 443), ...sent, ...more });
}

/** The one row of the connections from this address, once a later one has left its own. */
async function onlyRowFrom(workspace: string, localAddress: string): Promise<Denial> {
  const marker = `after-${localAddress.replaceAll('.', '-')}.example.net`;
  await ask({ ...fixture.client(workspace), url: `https://${marker}/` });
  await fixture.denialsWith({ destination: marker });
  const rows = fixture.denials.filter(({ source }) => source.startsWith(`${localAddress}:`));
  expect(rows.map(({ accessType, reason }) => `${accessType} ${reason}`)).toHaveLength(1);
  return rows[0] as Denial;
}

let sources = 20;

function nextSource(): string {
  return `127.0.0.${++sources}`;
}

describe('an allowed name', () => {
  test('is reached where our own DNS has it, and leaves no row', async () => {
    const localAddress = nextSource();
    const result = await askDirectly('lab', PAGE, { localAddress });
    expect(result).toMatchObject({ outcome: 'ok', status: 200 });
    const { origin } = JSON.parse(result.body ?? '') as OriginPage;
    expect(origin).toBe(`${fixture.outside.addressOf(PAGE)}:443`);
    expect(fixture.denials.filter(({ source }) => source.startsWith(`${localAddress}:`))).toEqual([]);
  });

  test.each(['PAGE.Example.COM', `${PAGE}.`, 'a.b.wild.example.com'])('may be written %s', async (sni) => {
    const host = sni === 'a.b.wild.example.com' ? sni : PAGE;
    expect(await askDirectly('lab', host, { sni })).toMatchObject({ outcome: 'ok', status: 200 });
  });

  test('may say so in pieces', async () => {
    const result = await askBytes('lab', clientHello({ names: [PAGE], recordBytes: 20 }));
    expect(result).toMatchObject({ outcome: 'ok' });
  });

  test('on a further TLS port has a listener of its own', async () => {
    expect(await askDirectly('lab', ALT, {}, 8443)).toMatchObject({ outcome: 'ok', status: 200 });
    expect(await askDirectly('lab', PAGE, {}, 8443)).toMatchObject({ outcome: 'reset' });
    expect(await fixture.denialsWith({ destination: PAGE, port: 8443 })).toMatchObject([
      { reason: 'PORT_NOT_ALLOWED', sni: PAGE },
    ]);
  });
});

/** Server name sent, reason, rest of the row. */
const DENIED: readonly (readonly [string | null, string, Partial<Denial>])[] = [
  [UNLISTED, 'DESTINATION_NOT_ALLOWED', { destinationType: 'DNS', rule: null }],
  [TWIN, 'DESTINATION_NOT_ALLOWED', { destinationType: 'DNS', rule: null }],
  ['wild.example.com', 'DESTINATION_NOT_ALLOWED', { destinationType: 'DNS' }],
  ['blocked.wild.example.com', 'DESTINATION_BLOCKED', { destinationType: 'DNS' }],
  [ALT, 'PORT_NOT_ALLOWED', { destinationType: 'DNS' }],
  ['secrets.s3.us-west-2.amazonaws.com', 'BUCKET_NOT_ALLOWED', { destinationType: 'STORAGE' }],
  ['s3.us-west-2.amazonaws.com', 'STORAGE_PATH_STYLE', { destinationType: 'STORAGE' }],
  ['cloudflare-ech.com', 'ECH_OUTER_NAME', { destinationType: 'DNS' }],
  ['192.0.2.7', 'IP_LITERAL', { destinationType: 'IP' }],
  ['2130706433', 'BAD_NAME', { destinationType: 'DNS' }],
  ['metadata.google.internal', 'METADATA_ADDRESS', { destinationType: 'DNS' }],
  ['-a.wild.example.com', 'BAD_NAME', {}],
  ['a_b.wild.example.com', 'BAD_NAME', {}],
  [null, 'NO_SNI', { destination: '' }],
  ['nowhere.example.com', 'UNRESOLVED_OR_PRIVATE', { destinationType: 'DNS' }],
  ['private.example.com', 'UNRESOLVED_OR_PRIVATE', { destinationType: 'DNS' }],
];

test.each(DENIED)('server name %s is denied: %s, in exactly one row', async (sni, reason, row) => {
  const localAddress = nextSource();
  const names = sni === null ? {} : { names: [sni] };
  const arrivals = fixture.outside.origins.arrivals.length;
  const result = await askBytes('lab', clientHello(names), { localAddress });
  expect(result).toMatchObject({ outcome: 'reset' });
  expect(await onlyRowFrom('lab', localAddress)).toMatchObject({
    accessType: 'DROP',
    workspace: 'lab',
    workspaceId: 'id-of-lab',
    product: 'JOBS',
    policy: 'lab-policy',
    port: 443,
    reason,
    sni,
    ...(sni === null ? {} : { destination: sni }),
    ...row,
  });
  expect(fixture.outside.origins.arrivals).toHaveLength(arrivals);
});

const NOT_TLS: readonly (readonly [string, string, string])[] = [
  ['plain HTTP', `GET / HTTP/1.1\r\nHost: ${PAGE}\r\n\r\n`, 'NOT_TLS'],
  ['another protocol', 'SSH-2.0-client\r\n', 'NOT_TLS'],
  ['a made-up CONNECT', `CONNECT ${PAGE}:443 HTTP/1.1\r\nx-sallyport-caller: dry\r\n\r\n`, 'NOT_TLS'],
  [
    'a huge ClientHello',
    clientHello({ names: [PAGE], extensions: [[21, Buffer.alloc(20_000)]] }),
    'CLIENT_HELLO_TOO_LARGE',
  ],
  ['half a ClientHello', clientHello({ names: [PAGE] }).slice(0, 50), 'CLIENT_SILENT'],
  [
    'a server name with a line feed',
    clientHello({ names: [`${PAGE}\r\nx-sallyport-caller: dry`] }),
    'BAD_NAME',
  ],
];

test.each(NOT_TLS)('a client that sends %s is denied, in exactly one row', async (_what, bytes, reason) => {
  const localAddress = nextSource();
  const result = await askBytes('lab', bytes, { localAddress });
  expect(result).toMatchObject({ outcome: 'reset' });
  expect(await onlyRowFrom('lab', localAddress)).toMatchObject({
    accessType: 'DROP',
    workspace: 'lab',
    reason,
    port: 443,
  });
});

test('who waits for the server to speak first is let go after a while, in exactly one row', async () => {
  const localAddress = nextSource();
  const direct = fixture.direct('lab', 443);
  const result = await ask({ ...direct, connect: `${GIT}:443`, sends: 'nothing', localAddress });
  expect(result).toMatchObject({ outcome: 'reset' });
  expect(await onlyRowFrom('lab', localAddress)).toMatchObject({ reason: 'CLIENT_SILENT', sni: null });
});

test('of two names on one address the one that is not allowed is denied', async () => {
  expect(await askDirectly('lab', PAGE)).toMatchObject({ outcome: 'ok' });
  expect(await askDirectly('lab', TWIN)).toMatchObject({ outcome: 'reset' });
});

describe('in dry-run', () => {
  test('an unlisted name passes, and is one row', async () => {
    const localAddress = nextSource();
    expect(await askDirectly('dry', UNLISTED, { localAddress })).toMatchObject({
      outcome: 'ok',
      status: 200,
    });
    expect(await onlyRowFrom('dry', localAddress)).toMatchObject({
      accessType: 'DRY_RUN_DENIAL',
      reason: 'DESTINATION_NOT_ALLOWED',
      destination: UNLISTED,
      sni: UNLISTED,
    });
  });

  test('who names no server cannot be forwarded, which is one row', async () => {
    const localAddress = nextSource();
    const result = await askBytes('dry', clientHello(), { localAddress });
    expect(result).toMatchObject({ outcome: 'reset' });
    expect(await onlyRowFrom('dry', localAddress)).toMatchObject({ accessType: 'DROP', reason: 'NO_SNI' });
  });
});

test('a connection lives on when its policy gets a further TLS port', async () => {
  const tunnel = await openTunnel({ ...fixture.direct('lab', 8443), url: `https://${ALT}:8443/` });
  const more = workspaceYaml('lab', { ...LAB, ...withPort(8000) });
  await writeFile(join(fixture.folder, 'lab.yaml'), more);
  await fixture.gateway.refresh();
  expect(await askDirectly('lab', PAGE, {}, 8000)).toMatchObject({ outcome: 'reset' });
  expect((await tunnel.get('/after')).status).toBe(200);
  tunnel.close();
});

function withPort(port: number): WrittenAccess {
  const before = LAB['allowedInternetDestinations'] as readonly object[];
  const more = allow([`port-${port}.example.com`], [{ port, protocol: 'TLS' }]);
  return {
    allowedInternetDestinations: [...before, ...(more['allowedInternetDestinations'] as readonly object[])],
  };
}
