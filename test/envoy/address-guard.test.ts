// Where an allowed name leads is judged after the DNS answered: outside the open range nothing is ever dialled, on any
// way through the gateway, and each attempt leaves its row. The lanes here are enforced ones: in a dry-run lane the
// tunnel check lets all but metadata through, so nothing outside 127.0.0.0/8 may be answered there.
import type { AskResult } from '../outside/ask-result.ts';
import type { OriginPage } from '../outside/origin-page.ts';
import { type OutsideName, type OutsideServers, STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { type Ask, ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import {
  allow,
  privateEndpointYaml,
  type WrittenPort,
  workspaceYaml,
} from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const PORTS: readonly WrittenPort[] = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 5432, protocol: 'TCP' },
];
const METADATA = '169.254.169.254';

let fixture: GatewayFixture;
let outside: OutsideServers;

beforeAll(async () => {
  fixture = await startGateway({
    names: [],
    services: { ...STANDARD_SERVICES, 5432: 'echo' },
    files: ({ closedAddress }) => ({
      'lab.yaml': workspaceYaml('lab', allow(['*.example.com'], PORTS)),
      'private.yaml': privateEndpointYaml('datacenter', {
        domains: ['*.corp.example.net'],
        addressRanges: [`${privateAddressOf(closedAddress)}/32`, '169.254.0.0/16'],
        workspaces: ['lab'],
        ports: PORTS,
      }),
    }),
  });
  outside = fixture.outside;
});

afterAll(() => fixture.stop());

/** An address of the same subnet as the given one. */
function neighbourOf(address: string, last: number): string {
  return address.replace(/\d+$/, `${last}`);
}

/** Shut to all names but those of the private endpoint. */
function privateAddressOf(closedAddress: string): string {
  return neighbourOf(closedAddress, 90);
}

/** Plain HTTP, TLS and raw bytes, all at once. */
function askEveryWay(name: string): Promise<readonly AskResult[]> {
  const requests: readonly Ask[] = [
    { url: `http://${name}/` },
    { url: `https://${name}/` },
    { connect: `${name}:5432`, sends: 'bytes', bytes: 'ping' },
  ];
  return Promise.all(requests.map((request) => ask({ ...fixture.client('lab'), ...request })));
}

/** Three rows, and no line of the log that names an address. */
async function expectNeverDialled(name: string): Promise<void> {
  const results = await askEveryWay(name);
  expect(results.filter(({ outcome }) => outcome === 'ok')).toEqual([]);
  const rows = await fixture.denialsWith({ destination: name }, 3);
  expect(rows.map(({ port, reason, accessType }) => `${accessType} ${port} ${reason}`).toSorted()).toEqual([
    'DROP 443 UNRESOLVED_OR_PRIVATE',
    'DROP 5432 UNRESOLVED_OR_PRIVATE',
    'DROP 80 ADDRESS_DENIED',
  ]);
  const lines = await fixture.logLines(({ context }) => context.authority.startsWith(name), 3);
  expect(lines.map(({ upstream }) => upstream).filter((upstream) => /\d:\d+$/.test(upstream))).toEqual([]);
  expect(outside.arrivalsFor(name)).toEqual([]);
}

const LEADS_NOWHERE: Readonly<Record<string, (outside: OutsideServers) => Omit<OutsideName, 'name'>>> = {
  'a loopback address outside the open range': ({ closedAddress }) => ({ address: closedAddress }),
  '::1': () => ({ aInTurn: [[]], aaaa: ['::1'] }),
  '0.0.0.0': () => ({ address: '0.0.0.0' }),
  'a private address': () => ({ address: '10.0.0.1' }),
  'the metadata service': () => ({ address: METADATA }),
  'a shared address': () => ({ address: '100.64.0.1' }),
  'the public address of Azure WireServer': () => ({ address: '168.63.129.16' }),
  'metadata of Oracle Cloud Classic': () => ({ address: '192.0.0.192' }),
  'the newer documentation block': () => ({ aInTurn: [[]], aaaa: ['3fff::1'] }),
  'a segment routing address': () => ({ aInTurn: [[]], aaaa: ['5f00::1'] }),
  'a dummy address': () => ({ aInTurn: [[]], aaaa: ['100:0:0:1::1'] }),
  'an address that nobody was given': () => ({ aInTurn: [[]], aaaa: ['4000::1'] }),
  'a private address written as IPv6': () => ({ aInTurn: [[]], aaaa: ['::ffff:10.0.0.1'] }),
  'several such addresses': ({ closedAddress }) => ({
    aInTurn: [[closedAddress, '10.0.0.1']],
    aaaa: ['fd00::1'],
  }),
  'a private name, by CNAME': () => ({ cname: 'internal.example.org' }),
};

test.each(Object.entries(LEADS_NOWHERE))(
  'an allowed name that leads to %s is never dialled',
  async (what, answers) => {
    await outside.addName({ name: 'internal.example.org', address: outside.closedAddress });
    const name = `${what.replaceAll(/\W+/g, '-').toLowerCase().replaceAll(/^-|-$/g, '')}.example.com`;
    await outside.addName({ name, ...answers(outside) });
    await expectNeverDialled(name);
  },
);

test('an allowed name that does not exist leaves a row each way', async () => {
  const name = 'nowhere.example.com';
  await askEveryWay(name);
  const rows = await fixture.denialsWith({ destination: name }, 3);
  expect(rows.map(({ port, reason, accessType }) => `${accessType} ${port} ${reason}`).toSorted()).toEqual([
    'DROP 443 UNRESOLVED_OR_PRIVATE',
    'DROP 5432 UNRESOLVED_OR_PRIVATE',
    'DROP 80 UNRESOLVED_OR_PRIVATE',
  ]);
});

test('of mixed answers only the address in the open range is used', async () => {
  const open = neighbourOf(outside.listenAddress, 201);
  await outside.addName({ name: 'mixed.example.com', aInTurn: [[outside.closedAddress, open, '10.0.0.1']] });
  const results = [await askEveryWay('mixed.example.com'), await askEveryWay('mixed.example.com')].flat();
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['ok']));
  const arrived = outside.arrivalsFor('mixed.example.com').map(({ address }) => address);
  expect(new Set(arrived)).toEqual(new Set([open]));
});

describe('names of a private endpoint', () => {
  test('reach the addresses of its own ranges, every way', async () => {
    await outside.addName({ name: 'db.corp.example.net', address: privateAddressOf(outside.closedAddress) });
    const results = await askEveryWay('db.corp.example.net');
    expect(results.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok']);
    const { headers } = JSON.parse(results[0]?.body ?? '') as OriginPage;
    expect(Object.keys(headers).toSorted()).toEqual(['accept', 'host']);
    const ports = outside.arrivalsFor('db.corp.example.net').map(({ port }) => port);
    expect(ports.toSorted((a, b) => a - b)).toEqual([80, 443, 5432]);
  });

  test('are never dialled outside of them', async () => {
    const address = neighbourOf(outside.closedAddress, 77);
    await outside.addName({ name: 'elsewhere.corp.example.net', address });
    await expectNeverDialled('elsewhere.corp.example.net');
  });

  test('never lead to the metadata service, even where its address lies in their ranges', async () => {
    await outside.addName({ name: 'metadata.corp.example.net', address: METADATA });
    await expectNeverDialled('metadata.corp.example.net');
  });
});

test('a name that leads elsewhere when it is asked again (rebinding) is never dialled there', async () => {
  const open = neighbourOf(outside.listenAddress, 202);
  const name = 'rebinding.example.com';
  await outside.addName({ name, aInTurn: [[open], [outside.closedAddress]], ttlSeconds: 1 });
  const first = await ask({ ...fixture.client('lab'), url: `http://${name}/` });
  expect(first.outcome).toBe('ok');
  // Envoy asks again after 5 s, however short an answer lives; what comes then must not be used.
  await until('the name was asked twice', () => outside.dns.questionsFor(name).length > 1);
  await askEveryWay(name);
  const arrived = outside.arrivalsFor(name).map(({ address }) => address);
  expect(new Set(arrived)).toEqual(new Set([open]));
});
