// TLS of an ingress gateway: the server name chooses the workspace and its certificate, the host inside must be of the
// same one; a certificate is renewed without a cut, and one that is missing or unusable closes its own workspace only.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls, createServer, type Server, type TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { type Certificate, certificateProblem } from '../../operator/model/certificate.ts';
import type { IngressPlanSpec, IngressRules } from '../../operator/model/ingress-plan.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import { ByteReader } from '../outside/byte-reader.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../outside/certificates.ts';
import { readResponse } from '../outside/http-exchange.ts';
import { IngressFixture } from '../support/envoy/ingress-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

const CLIENT = '127.0.0.1';
const STRANGER = '127.0.0.2';
const list = { label: 'l', listType: 'ALLOW', mode: 'ENFORCED', enabled: true, listId: 'offices' } as const;
const RULES: IngressRules = { enableIpAccessLists: true, lists: [{ ...list, ipAddresses: [CLIENT] }] };

let fixture: IngressFixture;
let authority: CertificateAuthority;
let raw: Server;
beforeAll(async () => {
  authority = await createCertificateAuthority();
  fixture = await IngressFixture.start();
  const { cert, key } = await authority.leafFor('raw.example');
  raw = createServer({ cert, key }, (socket) => socket.on('error', () => undefined).pipe(socket));
  raw.listen(0, '127.0.0.1');
  await once(raw, 'listening');
});
afterAll(async () => {
  raw.close();
  await fixture.stop();
});

async function certificateOf(name: string): Promise<Certificate> {
  const { cert, key } = await authority.leafFor(name);
  return { certificateChain: cert, privateKey: key };
}

/** Denies everybody, if it were enforced. */
const DRY_RUN: IngressRules['lists'][number] = {
  ...list,
  listId: 'planned',
  listType: 'BLOCK',
  mode: 'DRY_RUN',
  ipAddresses: ['0.0.0.0/0'],
};

async function deploy(
  certificates: Readonly<Record<string, Certificate>>,
  more: Partial<IngressPlanSpec> = {},
  rawPort = (raw.address() as AddressInfo).port,
) {
  const plans = [ingressPlan('lab', { ...RULES, ...more }), ingressPlan('neighbour', RULES)];
  return fixture.offer(
    [...plans, ingressPlan('raw', { ...RULES, lists: [...RULES.lists, DRY_RUN], tlsPassthrough: true })],
    {
      certificates: new Map(Object.entries(certificates)),
      backends: new Map([
        ['lab', [fixture.backend]],
        ['neighbour', [fixture.backend]],
        ['raw', [{ address: '127.0.0.1', port: rawPort }]],
      ]),
    },
  );
}

/** Undefined where the connection is closed. */
async function open(servername: string, localAddress = CLIENT): Promise<TLSSocket | undefined> {
  const { caPem: ca } = authority;
  const place = { host: '127.0.0.1', port: fixture.settings.tlsPort, localAddress };
  const socket = connectTls({ ...place, servername, ca, ALPNProtocols: ['http/1.1'] });
  try {
    await once(
      socket.on('error', () => undefined),
      'secureConnect',
    );
    return socket;
  } catch {
    return undefined;
  }
}

async function ask(servername: string, host: string, from?: string): Promise<number | undefined> {
  const socket = await open(servername, from);
  if (socket === undefined) return undefined;
  try {
    return await askOn(socket, host);
  } finally {
    socket.destroy();
  }
}

async function askOn(socket: TLSSocket, host: string): Promise<number> {
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return (await readResponse(new ByteReader(socket), 'GET')).status;
}

function generated(kind: 'ed25519' | 'rsa', modulusLength = 0): string {
  const { privateKey } =
    kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength }) : generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

test('the server name chooses the workspace, and the host must agree', async () => {
  await deploy({
    lab: await certificateOf('lab.example'),
    neighbour: await certificateOf('neighbour.example'),
  });
  expect(await ask('lab.example', 'lab.example')).toBe(200);
  expect(await ask('lab.example', 'LAB.example:443')).toBe(200);
  expect(await ask('lab.example', 'neighbour.example')).toBe(421);
  expect(await ask('neighbour.example', 'neighbour.example')).toBe(200);
  expect(await ask('lab.example', 'lab.example', STRANGER)).toBe(403);
  expect(await ask('nowhere.example', 'lab.example')).toBeUndefined();
  expect(await ask('', 'lab.example')).toBeUndefined();
});

test('a connection that is closed before it belongs to a workspace leaves a line', async () => {
  await deploy({ lab: await certificateOf('lab.example') });
  const visitor = '127.0.0.9';
  const at = { host: '127.0.0.1', port: fixture.settings.tlsPort, localAddress: visitor };
  await open('absent.example', visitor);
  await open('', visitor);
  const plain = connect(at, () => plain.write('GET / HTTP/1.1\r\nHost: lab.example\r\n\r\n'));
  // A reset is an end, too.
  plain.resume().on('error', () => undefined);
  await new Promise((resolve) => plain.once('close', resolve));
  await until('all three are in the log', async () => {
    const lines = (await fixture.log()).filter(({ source }) => source === visitor);
    const found = lines.map(({ enforced, host }) => [enforced?.reason, host]);
    return isDeepStrictEqual(found.toSorted(), [
      ['BAD_REQUEST', ''],
      ['BAD_REQUEST', ''],
      ['UNKNOWN_HOST', 'absent.example'],
    ]);
  });
});

test('HTTP/2 decides alike', async () => {
  await deploy({ lab: await certificateOf('lab.example') });
  const statusOf = async (authorityName: string, localAddress: string): Promise<unknown> => {
    const { caPem: ca } = authority;
    const place = { host: '127.0.0.1', port: fixture.settings.tlsPort, localAddress, ca };
    const session = connectHttp2(`https://lab.example:${fixture.settings.tlsPort}`, {
      createConnection: () => connectTls({ ...place, servername: 'lab.example', ALPNProtocols: ['h2'] }),
    });
    try {
      const stream = session.request({
        ':path': '/',
        ':authority': authorityName,
        'x-forwarded-for': CLIENT,
      });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      return headers[':status'];
    } finally {
      session.destroy();
    }
  };
  expect(await statusOf('lab.example', CLIENT)).toBe(200);
  expect(await statusOf('lab.example', STRANGER)).toBe(403);
  expect(await statusOf('neighbour.example', CLIENT)).toBe(421);
});

test('a certificate is renewed without a cut', async () => {
  const neighbour = await certificateOf('neighbour.example');
  await deploy({ lab: await certificateOf('lab.example'), neighbour });
  const before = await open('lab.example');
  const renewed = await (await createCertificateAuthority()).leafFor('lab.example');
  await deploy({ lab: { certificateChain: renewed.cert, privateKey: renewed.key }, neighbour });
  if (before === undefined) throw new Error('No connection');
  expect(await askOn(before, 'lab.example')).toBe(200);
  // Of an authority that this client does not trust.
  expect(await open('lab.example')).toBeUndefined();
  expect(await ask('neighbour.example', 'neighbour.example')).toBe(200);
  before.destroy();
});

test('without a certificate, or with one that does not fit its key, TLS is closed for that workspace only', async () => {
  const lab = await certificateOf('lab.example');
  const neighbour = await certificateOf('neighbour.example');
  expect(await deploy({ neighbour })).toEqual([]);
  expect(await ask('lab.example', 'lab.example')).toBeUndefined();
  expect(await ask('neighbour.example', 'neighbour.example')).toBe(200);
  const unusable = [
    { ...lab, privateKey: neighbour.privateKey },
    { ...lab, privateKey: '' },
    { ...lab, certificateChain: lab.privateKey },
    { ...lab, privateKey: generated('ed25519') },
    { ...lab, privateKey: generated('rsa', 1024) },
  ];
  for (const certificate of unusable) {
    expect(certificateProblem(certificate)).toMatch(/"tls.(?:crt|key)"/);
    expect(await deploy({ lab: certificate, neighbour })).toEqual([]);
    expect(await ask('lab.example', 'lab.example')).toBeUndefined();
    expect(await ask('neighbour.example', 'neighbour.example')).toBe(200);
  }
  expect(await deploy({ lab, neighbour })).toEqual([]);
  expect(await ask('lab.example', 'lab.example')).toBe(200);
});

test('TLS that is passed through reaches the server, from allowed addresses only', async () => {
  await deploy({});
  const passed = await open('raw.example');
  expect(passed?.getPeerCertificate().subjectaltname).toBe('DNS:raw.example');
  passed?.write('hello');
  expect(String((await once(passed as TLSSocket, 'data'))[0])).toBe('hello');
  passed?.destroy();
  expect(await open('raw.example', STRANGER)).toBeUndefined();
  expect((await fixture.ask({ host: 'raw.example' }))?.status).toBe(404);
  const expected = new Set([
    [CLIENT, 'IN_ALLOW_LIST', 'IN_BLOCK_LIST'],
    [STRANGER, 'NOT_IN_ALLOW_LIST', undefined],
  ]);
  await until('both connections are in the log', async () => {
    const lines = await fixture.log();
    const found = lines
      .filter(({ workspace }) => workspace === 'raw')
      .map(({ source, enforced, shadow }) => [source, enforced?.reason, shadow?.reason]);
    return isDeepStrictEqual(new Set(found), expected);
  });
});

test('no server is dialled for a client that is denied, and the row does not ask whether one listens', async () => {
  const dialled: Socket[] = [];
  const onDial = (socket: Socket): unknown => dialled.push(socket);
  raw.on('connection', onDial);
  const visitor = '127.0.0.11';
  const denied = async () => {
    const lines = (await fixture.log()).filter(({ source }) => source === visitor);
    return lines.flatMap(({ enforced }) => enforced?.reason ?? []);
  };
  const [closedPort = 0] = await freePorts(1);
  for (const [round, port] of [(raw.address() as AddressInfo).port, closedPort].entries()) {
    await deploy({}, {}, port);
    for (let at = 1; at <= 10; at += 1) {
      expect(await open('raw.example', visitor)).toBeUndefined();
      await until('the denial is in the log', async () => (await denied()).length >= round * 10 + at);
    }
  }
  expect(await denied()).toEqual(Array(20).fill('NOT_IN_ALLOW_LIST'));
  expect(dialled).toHaveLength(0);
  await deploy({});
  (await open('raw.example'))?.destroy();
  expect(dialled).toHaveLength(1);
  raw.off('connection', onDial);
});

test('a connection that is passed through ends when its client loses access', async () => {
  await deploy({});
  const passed = (await open('raw.example')) as TLSSocket;
  const closed = once(passed.resume(), 'close');
  const own = new Map([['raw', [{ address: '127.0.0.1', port: (raw.address() as AddressInfo).port }]]]);
  const narrower = { ...RULES, lists: [{ ...list, ipAddresses: [STRANGER] }], revision: 'r2' };
  await fixture.apply([ingressPlan('raw', { ...narrower, tlsPassthrough: true })], { backends: own });
  await closed;
  expect(await open('raw.example')).toBeUndefined();
  const stranger = await open('raw.example', STRANGER);
  expect(stranger?.authorized).toBe(true);
  stranger?.destroy();
});
