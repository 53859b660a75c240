// The DNS of a gateway, asked over real sockets: what is allowed leads to the gateway, what is denied leads nowhere,
// leaves its row and asks nobody. In dry-run lanes the outside servers answer.
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { SallyportProcess } from '../bench/sallyport-process.ts';
import { askDns, type DnsAsk, type DnsReply, queryBytes, sendUdp } from '../outside/dns-client.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const NO_NAME = 3;
const REFUSED = 5;
const MANY_ADDRESSES = Array.from({ length: 200 }, (_, at) => `127.0.1.${at}`);

let fixture: GatewayFixture;
let outside: OutsideServers;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: 'real.example.com' }, { name: 'allowed.example.com' }],
    files: {
      'lab.yaml': workspaceYaml('lab', allow(['allowed.example.com', '*.wild.example.net'])),
      'dry.yaml': workspaceYaml('dry', { ...DRY_RUN, ...allow(['allowed.example.com']) }),
    },
  });
  outside = fixture.outside;
  outside.dns.setRecord('many.example.com', { a: MANY_ADDRESSES });
});

afterAll(() => fixture.stop());

function nameServer(workspace: string): string {
  const found = fixture.gateway.endpoints.workspaces.find((endpoints) => endpoints.workspace === workspace);
  return found?.products.find(({ product }) => product === 'JOBS')?.dns ?? '';
}

function ask(workspace: string, name: string, more: Partial<DnsAsk> = {}): Promise<DnsReply> {
  return askDns({ server: nameServer(workspace), name, ...more });
}

test.each(['UDP', 'TCP'] as const)('an allowed name leads to the gateway, over %s', async (transport) => {
  const reply = await ask('lab', 'allowed.example.com', { transport });
  expect(reply).toMatchObject({ rcode: 0, data: [outside.listenAddress] });
  expect(outside.dns.questionsFor('allowed.example.com')).toEqual([]);
});

test('the question comes back in the case in which it was asked', async () => {
  const reply = await ask('lab', 'a1.WiLd.eXample.NET');
  expect(reply).toMatchObject({ rcode: 0, data: [outside.listenAddress], question: 'a1.WiLd.eXample.NET' });
});

test.each(['AAAA', 'TYPE65', 'TYPE64', 'TXT', 'MX', 'NS', 'TYPE255'])(
  'an allowed name has no %s records',
  async (type) => {
    expect(await ask('lab', 'allowed.example.com', { type })).toMatchObject({ rcode: 0, data: [] });
  },
);

test('a denied name does not exist, has one row for all types, and no server outside is asked', async () => {
  const name = 'denied.example.com';
  const replies = await Promise.all(['A', 'AAAA', 'TYPE65'].map((type) => ask('lab', name, { type })));
  expect(replies.map(({ rcode }) => rcode)).toEqual([NO_NAME, NO_NAME, NO_NAME]);
  const [denial] = await fixture.denialsWith({ destination: name });
  expect(denial).toMatchObject({
    accessType: 'DROP',
    reason: 'DESTINATION_NOT_ALLOWED',
    destinationType: 'DNS',
    dnsEvent: { domainName: name, rcode: NO_NAME },
    storageEvent: null,
    networkSourceType: 'General Compute',
    workspace: 'lab',
    product: 'JOBS',
    policy: 'lab-policy',
    port: null,
  });
  await fixture.gateway.drained();
  expect(fixture.denials.filter(({ destination }) => destination === name)).toHaveLength(1);
  expect(outside.dns.questionsFor(name)).toEqual([]);
});

test.each([
  ['metadata.google.internal', 'METADATA_ADDRESS'],
  ['_dmarc.allowed.example.com', 'DESTINATION_NOT_ALLOWED'],
  ['-a.allowed.example.com', 'BAD_NAME'],
  ['10.20.30.40', 'IP_LITERAL'],
  ['printer', 'DESTINATION_NOT_ALLOWED'],
])('%s does not exist: %s', async (name, reason) => {
  expect(await ask('lab', name)).toMatchObject({ rcode: NO_NAME, data: [] });
  const [denial] = await fixture.denialsWith({ destination: name });
  expect(denial).toMatchObject({ reason, destinationType: 'DNS', dnsEvent: { domainName: name, rcode: 3 } });
});

test('a denied bucket is a row about storage', async () => {
  const destination = 'acme-data.s3.us-west-2.amazonaws.com';
  expect(await ask('lab', destination)).toMatchObject({ rcode: NO_NAME });
  const [denial] = await fixture.denialsWith({ destination });
  expect(denial).toMatchObject({
    destinationType: 'STORAGE',
    dnsEvent: null,
    storageEvent: { hostname: 's3://acme-data', rejectionReason: 'storage-bucket-denied' },
  });
});

test('a search suffix and a reverse name are unknown without a row, and localhost is known', async () => {
  const suffixed = 'denied.example.org.lab.svc.cluster.local';
  const reverse = '4.3.2.1.in-addr.arpa';
  const before = fixture.denials.length;
  expect(await ask('lab', suffixed)).toMatchObject({ rcode: NO_NAME });
  expect(await ask('lab', reverse, { type: 'PTR' })).toMatchObject({ rcode: NO_NAME });
  expect(await ask('lab', 'localhost')).toMatchObject({ rcode: 0, data: ['127.0.0.1'] });
  expect(await ask('lab', 'localhost', { type: 'AAAA' })).toMatchObject({ rcode: 0, data: ['::1'] });
  await fixture.gateway.drained();
  expect(fixture.denials).toHaveLength(before);
  expect(outside.dns.questions.map(({ name }) => name)).not.toContain(suffixed);
});

test('a dry-run lane gets the answers of the outside servers, and an unlisted name leaves a row', async () => {
  const address = outside.addressOf('real.example.com');
  expect(await ask('dry', 'real.example.com')).toMatchObject({ rcode: 0, data: [address] });
  expect(await ask('dry', 'missing.example.com')).toMatchObject({ rcode: NO_NAME, data: [] });
  const [denial] = await fixture.denialsWith({ destination: 'real.example.com', workspace: 'dry' });
  expect(denial).toMatchObject({
    accessType: 'DRY_RUN_DENIAL',
    dnsEvent: { domainName: 'real.example.com', rcode: 0 },
  });
  expect(await ask('dry', 'allowed.example.com')).toMatchObject({
    data: [outside.addressOf('allowed.example.com')],
  });
  await fixture.gateway.drained();
  expect(fixture.denials.filter(({ destination }) => destination === 'allowed.example.com')).toEqual([]);
});

test('a dry-run lane has no metadata names either', async () => {
  expect(await ask('dry', 'metadata.google.internal')).toMatchObject({ rcode: NO_NAME });
  await fixture.denialsWith({
    destination: 'metadata.google.internal',
    workspace: 'dry',
    accessType: 'DROP',
  });
  expect(outside.dns.questionsFor('metadata.google.internal')).toEqual([]);
});

test.each([
  ['is truncated without EDNS', {}],
  ['is truncated at 1232 bytes, whatever the client takes', { ednsBytes: 4096 }],
])('a long answer over UDP %s', async (_what, more) => {
  expect(await ask('dry', 'many.example.com', more)).toMatchObject({ isTruncated: true, data: [] });
});

test('a long answer is whole over TCP', async () => {
  const reply = await ask('dry', 'many.example.com', { transport: 'TCP' });
  expect(reply.isTruncated).toBe(false);
  expect(reply.data.toSorted()).toEqual(MANY_ADDRESSES.toSorted());
});

test('random labels, allowed or not, reach no server outside', async () => {
  const before = outside.dns.questions.length;
  const labels = Array.from({ length: 40 }, (_, at) => `${'x'.repeat(50)}${at}.${'y'.repeat(60)}`);
  const names = labels.flatMap((label) => [`${label}.wild.example.net`, `${label}.tunnel.example.org`]);
  await Promise.all(names.map((name) => ask('lab', name, { type: 'A', from: '127.0.0.9' })));
  expect(outside.dns.questions).toHaveLength(before);
});

describe('bytes that are no question', () => {
  const query = queryBytes({ name: 'allowed.example.com' });
  const pointer = Buffer.concat([query.subarray(0, 12), Buffer.of(0xc0, 0x0c, 0, 1, 0, 1)]);
  const changed = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(query);
    bytes[at] = value;
    return bytes;
  };

  test.each([
    ['two questions', changed(5, 2), 1],
    ['a name that points to itself', pointer, 1],
    ['a truncated name', query.subarray(0, 20), 1],
    ['bytes behind the question', Buffer.concat([query, Buffer.of(1)]), 1],
    ['another operation', changed(2, 0x28), 4],
    ['another class', changed(query.length - 1, 3), REFUSED],
  ])('%s is answered with an error', async (_what, bytes, rcode) => {
    const answer = await sendUdp(nameServer('lab'), bytes);
    expect((answer?.[3] ?? 0) & 0x0f).toBe(rcode);
  });

  test.each([
    ['less than a header', Buffer.of(1, 2, 3)],
    ['an answer', changed(2, 0x81)],
  ])('%s gets no answer, and the next question does', async (_what, bytes) => {
    expect(await sendUdp(nameServer('lab'), bytes, { waitMs: 100 })).toBeUndefined();
    expect(await ask('lab', 'allowed.example.com')).toMatchObject({ rcode: 0 });
  });
});

test('a source that asks too often is answered REFUSED, rows count each question, and others get their answers', async () => {
  const from = '127.0.0.66';
  let refused = 0;
  while (refused < 100) {
    const asked = { transport: 'UDP', from } as const;
    const replies = Array.from({ length: 250 }, () => ask('lab', 'allowed.example.com', asked));
    refused += (await Promise.all(replies)).filter(({ rcode }) => rcode === REFUSED).length;
  }
  expect(await ask('lab', 'allowed.example.com', { from: '127.0.0.67' })).toMatchObject({ rcode: 0 });
  await fixture.gateway.drained();
  const rows = fixture.denials.filter(({ reason }) => reason === 'TOO_MANY_QUESTIONS');
  expect(rows.reduce((sum, { repeats }) => sum + repeats, 0)).toBe(refused);
  expect(rows[0]).toMatchObject({ dnsEvent: { domainName: 'allowed.example.com', rcode: REFUSED } });
  expect(rows.length).toBeLessThan(refused / 2);
});

test('a removed destination is unknown as soon as the change is in force', async () => {
  const path = join(fixture.folder, 'lab.yaml');
  await writeFile(path, workspaceYaml('lab', allow(['*.wild.example.net'])));
  await fixture.gateway.refresh();
  expect(await ask('lab', 'allowed.example.com')).toMatchObject({ rcode: NO_NAME });
});

describe('rows of questions', () => {
  let directory: string;
  let ownServers: OutsideServers;
  let sallyport: SallyportProcess;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sallyport-'));
    ownServers = await startOutsideServers({ names: [] });
    const folder = join(directory, 'folder');
    await mkdir(folder);
    await writeFile(join(folder, 'lab.yaml'), workspaceYaml('lab', allow(['allowed.example.com'])));
    sallyport = new SallyportProcess({ folder, state: join(directory, 'state'), outside: ownServers });
    await sallyport.start();
  });

  afterAll(async () => {
    await sallyport.stop();
    await ownServers.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('outlive our process: a new one delivers what is in the spool, and counts a torn line', async () => {
    const { host, port } = await sallyport.nameServer('lab');
    const server = `${host}:${port}`;
    const state = join(directory, 'state');
    await askDns({ server, name: 'first.example.com' });
    const sql = 'select destination from system.access.outbound_network order by sequence';
    const rows = async (): Promise<readonly unknown[]> =>
      (await sallyport.query(sql)).map(({ destination }) => destination);
    await until('the row is in the log', async () => (await rows()).length === 1);
    await sallyport.kill();
    const spool = join(statePaths(state).envoyLog, 'dns.log');
    const line = (await readFile(spool, 'utf8')).replace('first.example.com', 'unread.example.com');
    await appendFile(spool, `${line}{"listener":"dns","con`);
    await sallyport.start();
    await askDns({ server, name: 'second.example.com' });
    await until('the other rows are in the log', async () => (await rows()).length === 4);
    const lost = '*';
    expect(await rows()).toEqual(['first.example.com', 'unread.example.com', lost, 'second.example.com']);
  });
});
