// Connections of a port that people access workspaces through: those that say nothing end soon, those beyond the limit
// are closed at once, and each of these is counted.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  DENIED_CONNECTIONS,
  OverloadedListeners,
} from '../../operator/gateway/process/overloaded-listeners.ts';
import { HTTP_LISTENER, TLS_LISTENER } from '../../operator/render/envoy/ingress/ingress-names.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import { createCertificateAuthority } from '../outside/certificates.ts';
import { IngressFixture } from '../support/envoy/ingress-fixture.ts';
import { until } from '../support/until.ts';

const LIMIT = 20;
const OPENED = 60;
const PROXY = { family: 4, address: '127.0.0.1', prefixLength: 32 } as const;

let fixture: IngressFixture;
beforeAll(async () => {
  fixture = await IngressFixture.start({}, LIMIT);
  const { cert, key } = await (await createCertificateAuthority()).leafFor('lab.example');
  await fixture.apply([ingressPlan('lab')], {
    certificates: new Map([['lab', { certificateChain: cert, privateKey: key }]]),
  });
});
afterAll(() => fixture.stop());

interface Opened {
  readonly socket: Socket;
  /** Resolves with how long it was open. */
  readonly closed: Promise<number>;
}

function open(port: number, bytes = '', localAddress = '127.0.0.1'): Opened {
  const startMs = performance.now();
  const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => undefined);
  socket.resume().write(bytes);
  const closed = new Promise<number>((resolve) => {
    socket.on('close', () => resolve(performance.now() - startMs));
  });
  return { socket, closed };
}

async function refused(): Promise<ReadonlyMap<string, number>> {
  const counts = await fixture.xds.envoy.admin.deniedConnections();
  const byListener = [...counts.values()].map(
    ({ listener = '', connections }) => [listener, connections] as const,
  );
  return new Map(byListener);
}

test.each([
  ['plain HTTP', HTTP_LISTENER, 'httpPort'],
  ['TLS', TLS_LISTENER, 'tlsPort'],
] as const)('%s: silent clients have the port up to its limit and for ten seconds', async (_, name, port) => {
  const before = (await refused()).get(name) ?? 0;
  const reported: number[] = [];
  const listeners = new OverloadedListeners({
    counted: () => fixture.xds.envoy.admin.deniedConnections(),
    isAdopted: () => false,
    path: join(fixture.xds.directory, DENIED_CONNECTIONS),
    onDenied: ({ connections, listener }) => listener === name && reported.push(connections),
  });
  await listeners.check();
  const opened = Array.from({ length: OPENED }, () => open(fixture.settings[port]));
  await until('each beyond the limit is counted', async () => {
    return ((await refused()).get(name) ?? 0) === before + OPENED - LIMIT;
  });
  await listeners.check();
  expect(reported.at(-1)).toBe(OPENED - LIMIT);
  const times = (await Promise.all(opened.map(({ closed }) => closed))).toSorted((a, b) => a - b);
  expect(times.slice(-LIMIT).every((ms) => ms > 4000)).toBe(true);
  // Then there is room again.
  expect((await fixture.ask({ host: 'lab.example' }))?.status).toBe(200);
});

test('clients that say nothing, or half of a first line, leave no line, and whoever says something odd does', async () => {
  const from = '127.0.0.5';
  const { httpPort } = fixture.settings;
  const silent = ['', 'G'].map((bytes) => open(httpPort, bytes, from));
  const gone = open(httpPort, '', from);
  gone.socket.end();
  await Promise.all([...silent, gone].map(({ closed }) => closed));
  await open(httpPort, 'SSH-2.0-x\r\n', from).closed;
  const lines = async () => (await fixture.log()).filter(({ peer }) => peer === from);
  await until('a line is written', async () => (await lines()).length > 0);
  expect((await lines()).map(({ code }) => code)).toEqual([400]);
});

test('behind proxies that write PROXY headers, silence before and after the header ends as well', async () => {
  const behind = await IngressFixture.start({ proxyProtocolFrom: [PROXY] });
  try {
    await behind.apply([ingressPlan('lab')]);
    const header = 'PROXY TCP4 198.51.100.7 127.0.0.1 40000 80\r\n';
    const silent = ['', 'PROXY TCP4 198', header, `${header}GET`].map((bytes) =>
      open(behind.settings.httpPort, bytes),
    );
    await Promise.all(silent.map(({ closed }) => closed));
    const asked = { host: 'lab.example', path: '/asked' };
    expect((await behind.ask({ ...asked, before: header }))?.status).toBe(200);
    expect((await behind.lines(['/asked'])).get('/asked')).toMatchObject({ source: '198.51.100.7' });
    // Nobody else may connect, and each has a line.
    expect(await behind.ask({ ...asked, before: header, from: '127.0.0.2' })).toBeUndefined();
    await until('a line is written', async () =>
      (await behind.log()).some(
        ({ peer, enforced }) => peer === '127.0.0.2' && enforced?.reason === 'BAD_REQUEST',
      ),
    );
  } finally {
    await behind.stop();
  }
});
