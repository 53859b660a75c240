import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import packet from 'dns-packet';
import { queryBytes } from '../../../test/outside/dns-client.ts';
import { type DnsServer, startDnsServer } from '../../../test/outside/dns-server.ts';
import type { NameServer } from './ask-name-server.ts';
import { RCODE } from './dns-codes.ts';
import { type DnsQuery, parseQuery } from './dns-query.ts';
import { encodeResponse, type ResponseBody } from './dns-response.ts';
import { NameForwarder } from './name-forwarder.ts';

const HOST = '127.0.0.1';
const NOW_MS = 1_000_000;

let server: DnsServer;
let forwarder: NameForwarder;

beforeEach(async () => {
  server = await startDnsServer(HOST);
  forwarder = forwarderTo({ address: HOST, port: Number(server.resolver.split(':')[1]) });
});

afterEach(() => server.stop());

function forwarderTo(...outside: readonly NameServer[]): NameForwarder {
  return new NameForwarder({ outside, cluster: outside, isInside: (address) => address.startsWith('10.') });
}

function queryFor(name: string, type = 'A'): DnsQuery {
  return parseQuery(queryBytes({ name, type })) as DnsQuery;
}

/** What a client would read. */
function read(query: DnsQuery, body: ResponseBody): packet.DecodedPacket {
  return packet.decode(encodeResponse(query, body, 65_535));
}

test('ask() passes on what the name server says, once for all who wait for it', async () => {
  server.setRecord('host.example.com', { cname: 'real.example.net' });
  server.setRecord('real.example.net', { a: ['192.0.2.7'] });
  const query = queryFor('HOST.example.com');
  const bodies = await Promise.all([1, 2, 3].map(() => forwarder.ask('outside', query, NOW_MS)));
  for (const body of bodies) {
    expect(read(query, body).answers).toMatchObject([
      { type: 'CNAME', data: 'real.example.net' },
      { type: 'A', data: '192.0.2.7' },
    ]);
  }
  expect(server.questions).toHaveLength(1);
});

test('ask() passes on endpoints of Services only, though the same server is asked and the same name', async () => {
  const name = 'peers.lab.svc.cluster.local';
  server.setRecord(name, { a: ['10.1.0.7', '192.0.2.7'] });
  const query = queryFor(name);
  const [endpoints, all] = [
    await forwarder.ask('endpoints', query, NOW_MS),
    await forwarder.ask('cluster', query, NOW_MS),
  ].map((body) => read(query, body).answers);
  expect(endpoints).toMatchObject([{ name, type: 'A', data: '10.1.0.7', ttl: 300 }]);
  expect(all).toHaveLength(2);
});

test('ask() answers from its cache while its time to live lasts, counted down', async () => {
  server.setRecord('host.example.com', { a: ['192.0.2.7'], ttlSeconds: 100 });
  const query = queryFor('host.example.com');
  await forwarder.ask('outside', query, NOW_MS);
  const later = await forwarder.ask('outside', query, NOW_MS + 40_000);
  expect(read(query, later).answers).toMatchObject([{ data: '192.0.2.7', ttl: 60 }]);
  expect(server.questions).toHaveLength(1);
  await forwarder.ask('outside', query, NOW_MS + 100_000);
  expect(server.questions).toHaveLength(2);
});

test('ask() comes over TCP for what does not fit into a datagram', async () => {
  const a = Array.from({ length: 150 }, (_, at) => `192.0.2.${at}`);
  server.setRecord('many.example.com', { a });
  const query = queryFor('many.example.com');
  expect(read(query, await forwarder.ask('outside', query, NOW_MS)).answers).toHaveLength(a.length);
});

test('ask() tries the next name server, and reports where none answers', async () => {
  const gone = { address: HOST, port: 9 };
  const port = Number(server.resolver.split(':')[1]);
  server.setRecord('host.example.com', { a: ['192.0.2.7'] });
  const query = queryFor('host.example.com');
  const body = await forwarderTo(gone, { address: HOST, port }).ask('outside', query, NOW_MS);
  expect(body.answers).toBe(1);
  expect(await forwarderTo(gone).ask('outside', query, NOW_MS)).toMatchObject({
    rcode: RCODE.SERVER_FAILURE,
  });
});

describe('a hostile name server', () => {
  let hostile: Socket;
  let answersTo: (query: Buffer) => readonly packet.Packet[];

  beforeEach(async () => {
    hostile = createSocket('udp4');
    hostile.on('message', (query, { port, address }) => {
      for (const answer of answersTo(query)) hostile.send(packet.encode(answer), port, address);
    });
    hostile.bind(0, HOST);
    await once(hostile, 'listening');
  });

  afterEach(() => void hostile.close());

  const place = (): NameServer => ({ address: HOST, port: (hostile.address() as AddressInfo).port });
  const answer = (id: number, name: string, data: string): packet.Packet => ({
    type: 'response',
    id,
    questions: [{ type: 'A', name }],
    answers: [{ type: 'A', name, ttl: 60, data }],
    additionals: [{ type: 'A', name: 'bank.example.com', ttl: 60, data: '192.0.2.66' }],
  });

  test('is not believed with another id or question, and nothing is passed on that was not asked', async () => {
    answersTo = (bytes) => {
      const id = bytes.readUInt16BE(0);
      return [
        answer((id + 1) & 0xffff, 'host.example.com', '192.0.2.66'),
        answer(id, 'other.example.com', '192.0.2.66'),
        answer(id, 'host.example.com', '192.0.2.7'),
      ];
    };
    const query = queryFor('host.example.com');
    const read1 = read(query, await forwarderTo(place()).ask('outside', query, NOW_MS));
    expect(read1.answers).toMatchObject([{ data: '192.0.2.7' }]);
    expect(read1.additionals).toEqual([]);
  });
});
