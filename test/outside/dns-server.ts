// The DNS of the stand-in outside servers: a real server on UDP and TCP that knows only the records that it was given.
// In: records per name ("name" or "*.suffix"). Out: answers to real queries, and a journal of every question.
// It never forwards a question to another server.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import packet from 'dns-packet';
import { canonicalName, type DnsRecord, DnsZone } from './dns-zone.ts';

export interface DnsQuestion {
  /** Lower case, without the trailing dot. */
  readonly name: string;
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface DnsServer {
  /** "ip:port", the same port for UDP and TCP. */
  readonly resolver: string;
  readonly questions: readonly DnsQuestion[];
  /** Questions for exactly this name, of any type. */
  questionsFor(name: string): readonly DnsQuestion[];
  /** Adds or replaces the record of "name" or "*.suffix"; replacing starts a rebinding sequence anew. */
  setRecord(name: string, record: DnsRecord): void;
  /** From now on NXDOMAIN. */
  removeRecord(name: string): void;
  stop(): Promise<void>;
}

const PLAIN_UDP_BYTES = 512;
const RCODE_NXDOMAIN = 3;
const BIND_ATTEMPTS = 10;

export async function startDnsServer(address: string): Promise<DnsServer> {
  const zone = new DnsZone();
  const questions: DnsQuestion[] = [];
  const answer = (query: Buffer): packet.Packet | undefined => answerQuery(query, zone, questions);
  const { tcp, udp, port } = await bindBoth(address);
  const connections = new Set<Socket>();
  tcp.on('connection', (socket) => {
    connections.add(socket.on('close', () => connections.delete(socket)));
    serveTcp(socket, answer);
  });
  udp.on('message', (query, peer) => serveUdp(udp, { query, peer }, answer));
  return {
    resolver: `${address}:${port}`,
    questions,
    questionsFor: (name) => questions.filter((question) => question.name === canonicalName(name)),
    setRecord: (name, record) => zone.set(name, record),
    removeRecord: (name) => zone.remove(name),
    async stop() {
      const closed = [once(tcp, 'close'), once(udp, 'close')];
      tcp.close();
      udp.close();
      for (const socket of connections) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/**
 * The response as data, or undefined for silent names and for bytes that are no DNS query (a real server keeps silent
 * too).
 */
function answerQuery(query: Buffer, zone: DnsZone, journal: DnsQuestion[]): packet.Packet | undefined {
  const decoded = decode(query);
  const question = decoded?.questions?.[0];
  if (decoded === undefined || question === undefined) return undefined;
  journal.push({ name: canonicalName(question.name), type: question.type, at: Date.now() });
  if (zone.isSilent(question.name)) return undefined;
  const answers = zone.resolve(question.name, question.type);
  return {
    type: 'response',
    id: decoded.id ?? 0,
    flags:
      packet.AUTHORITATIVE_ANSWER | packet.RECURSION_AVAILABLE | (answers === undefined ? RCODE_NXDOMAIN : 0),
    questions: [question],
    answers: answers ?? [],
    additionals: zone.additionals(question.name),
  };
}

function serveUdp(
  udp: UdpSocket,
  { query, peer }: { query: Buffer; peer: RemoteInfo },
  answer: (query: Buffer) => packet.Packet | undefined,
): void {
  const response = answer(query);
  if (response === undefined) return;
  const encoded = packet.encode(response);
  // Too long for one datagram: the truncation flag sends the client to TCP.
  const truncated = { ...response, flags: (response.flags ?? 0) | packet.TRUNCATED_RESPONSE, answers: [] };
  udp.send(
    encoded.length > datagramBytes(query) ? packet.encode(truncated) : encoded,
    peer.port,
    peer.address,
  );
}

function serveTcp(socket: Socket, answer: (query: Buffer) => packet.Packet | undefined): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const response = answer(pending.subarray(2, end));
      if (response !== undefined) socket.write(packet.streamEncode(response));
      pending = pending.subarray(end);
    }
  });
}

function datagramBytes(query: Buffer): number {
  const option = decode(query)?.additionals?.find((record) => record.type === 'OPT');
  return option !== undefined && 'udpPayloadSize' in option ? option.udpPayloadSize : PLAIN_UDP_BYTES;
}

function decode(query: Buffer): packet.Packet | undefined {
  try {
    return packet.decode(query);
  } catch {
    return undefined;
  }
}

// The kernel picks a free TCP port; the same number may be taken for UDP, then another is tried.
async function bindBoth(address: string): Promise<{ tcp: Server; udp: UdpSocket; port: number }> {
  let lastError: unknown;
  for (let attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
    const tcp = createServer();
    tcp.listen(0, address);
    await once(tcp, 'listening');
    const { port } = tcp.address() as { port: number };
    const udp = createSocket('udp4');
    try {
      udp.bind(port, address);
      await once(udp, 'listening');
      return { tcp, udp, port };
    } catch (error) {
      lastError = error;
      tcp.close();
      udp.close();
    }
  }
  throw new Error(`Cannot start the stand-in DNS on ${address}: no port is free for both UDP and TCP`, {
    cause: lastError,
  });
}
