import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { askDns, queryBytes, readReply, sendUdp } from '../../../test/outside/dns-client.ts';
import { until } from '../../../test/support/until.ts';
import { indexTable } from '../../compile/table-index.ts';
import type { DnsLane } from './dns-lanes.ts';
import { DnsResponder } from './dns-responder.ts';
import { DnsServer } from './dns-server.ts';
import { MessageReader, streamed } from './message-reader.ts';
import { NameForwarder } from './name-forwarder.ts';

const HOST = '127.0.0.5';
const SOURCE = 'NetworkPolicy/acme';

let responder: DnsResponder;
let server: DnsServer;
let problems: string[];

beforeEach(() => {
  problems = [];
  responder = new DnsResponder({
    clusterNames: { domain: 'cluster.local', findService: () => undefined },
    forwarder: new NameForwarder({ outside: [], cluster: [], isInside: () => true }),
    questionsPerSecond: 1000,
    record: () => undefined,
    nowMs: () => 0,
  });
  server = new DnsServer({
    responder,
    maxConnections: 100,
    onProblem: (sentence) => void problems.push(sentence),
    retryMs: 20,
  });
});

afterEach(() => server.close());

function laneAt(port: number, names: readonly string[]): DnsLane {
  const ports = [{ port: 443, protocol: 'TLS' as const }];
  const group = { list: 'allowedInternetDestinations' as const, source: SOURCE, ports, names: [...names] };
  const table = { networkPolicyId: 'acme', revision: 'r1', groups: [group] };
  return {
    egressListener: {
      name: 'lab-jobs',
      workspace: 'lab',
      workspaceId: 'id-lab',
      lane: 'enforced',
      networkPolicyId: 'acme',
      table: 'acme',
      address: HOST,
      port: port - 3,
      tlsPorts: [],
    },
    port,
    addresses: ['192.0.2.1'],
    index: indexTable(table, 0),
  };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const { holder, port } = await holdPort();
  holder.close();
  await once(holder, 'close');
  return port;
}

async function holdPort(): Promise<{ readonly holder: Server; readonly port: number }> {
  const holder = createServer().listen(0, HOST);
  await once(holder, 'listening');
  return { holder, port: (holder.address() as AddressInfo).port };
}

async function rcodeOf(port: number, name: string): Promise<number> {
  return (await askDns({ server: `${HOST}:${port}`, name })).rcode;
}

test('serve() exchanges what is behind a port without closing it, and closes ports that are no longer wanted', async () => {
  const [one, two] = [await freePort(), await freePort()];
  await server.serve([laneAt(one, ['a.example.com']), laneAt(two, [])]);
  expect([await rcodeOf(one, 'a.example.com'), await rcodeOf(two, 'a.example.com')]).toEqual([0, 3]);
  await server.serve([laneAt(one, ['b.example.com'])]);
  expect([await rcodeOf(one, 'a.example.com'), await rcodeOf(one, 'b.example.com')]).toEqual([3, 0]);
  const refused = connect(two, HOST);
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});

test('serve() reports once a port that another process has, and takes it when it is free', async () => {
  const { holder, port } = await holdPort();
  const other = await freePort();
  await server.serve([laneAt(port, []), laneAt(other, [])]);
  await server.serve([laneAt(port, []), laneAt(other, [])]);
  expect(problems).toEqual([
    expect.stringMatching(/^Cannot listen on "127\.0\.0\.5:\d+": another process has this port/),
  ]);
  expect(await rcodeOf(other, 'a.example.com')).toBe(3);
  holder.close();
  const query = queryBytes({ name: 'a.example.com' });
  const isServed = async (): Promise<boolean> =>
    (await sendUdp(`${HOST}:${port}`, query, { waitMs: 20 })) !== undefined;
  await until('the port is served', isServed);
});

describe('over TCP', () => {
  let port: number;
  let socket: Socket;

  beforeEach(async () => {
    port = await freePort();
    await server.serve([laneAt(port, ['a.example.com'])]);
    socket = connect(port, HOST);
    await once(socket, 'connect');
  });

  afterEach(() => void socket.destroy());

  test('many questions of one connection are answered, however they are split', async () => {
    const names = Array.from({ length: 200 }, (_, at) => `${at}.example.com`);
    const replies: string[] = [];
    const reader = new MessageReader();
    socket.on('data', (chunk) => {
      for (const bytes of reader.take(chunk)) replies.push(readReply(bytes).question);
    });
    const bytes = Buffer.concat(names.map((name) => streamed(queryBytes({ name }))));
    for (let at = 0; at < bytes.length; at += 33) socket.write(bytes.subarray(at, at + 33));
    await until('all are answered', () => replies.length === names.length);
    expect(replies).toEqual(names);
  });

  test.each([
    ['a length of nothing', Buffer.of(0, 0)],
    ['an answer', streamed(Buffer.concat([Buffer.of(0, 1, 0x80, 0), Buffer.alloc(8)]))],
  ])('%s ends the connection', async (_what, bytes) => {
    socket.write(bytes);
    await once(socket, 'close');
    expect(await rcodeOf(port, 'a.example.com')).toBe(0);
  });

  test('one source has so many connections at most', async () => {
    const others = Array.from({ length: 40 }, () => connect(port, HOST));
    let closed = 0;
    for (const other of others) other.on('error', () => undefined).on('close', () => (closed += 1));
    await until('all but 32 are closed, with the one that was there', () => closed >= 9);
    expect(closed).toBe(9);
    for (const other of others) other.destroy();
  });
});
