// A DNS client for tests: real packets to "ip:port" over UDP or TCP, and what came back. In: a question and how to ask
// it; out: the answer, or undefined where none came in time. Raw bytes can be sent too.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import packet from 'dns-packet';

export interface DnsAsk {
  readonly server: string;
  readonly name: string;
  /** "A" unless given; "TYPE65" for one that has no name. */
  readonly type?: string;
  readonly transport?: 'UDP' | 'TCP';
  /** With an OPT record that says so; without one unless given. */
  readonly ednsBytes?: number;
  /** Address to ask from. */
  readonly from?: string;
}

export interface DnsReply {
  readonly rcode: number;
  /** What the records say, as text. */
  readonly data: readonly string[];
  readonly isTruncated: boolean;
  /** The question as it came back. */
  readonly question: string;
  readonly bytes: Buffer;
}

const WAIT_MS = 5000;

export async function askDns(ask: DnsAsk): Promise<DnsReply> {
  const { server, transport = 'UDP', from } = ask;
  const query = queryBytes(ask);
  const bytes =
    transport === 'TCP' ? await sendTcp(server, query, from) : await sendUdp(server, query, { from });
  if (bytes === undefined) throw new Error(`No answer from ${server} about "${ask.name}"`);
  return readReply(bytes);
}

export function queryBytes({ name, type = 'A', ednsBytes }: Omit<DnsAsk, 'server'>): Buffer {
  const option = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: ednsBytes,
    flags: 0,
    options: [],
  } as unknown as packet.Answer;
  return packet.encode({
    type: 'query',
    id: 4711,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: type.replace('TYPE', 'UNKNOWN_') as packet.RecordType, name, class: 'IN' }],
    ...(ednsBytes === undefined ? {} : { additionals: [option] }),
  });
}

export function readReply(bytes: Buffer): DnsReply {
  const decoded = packet.decode(bytes);
  return {
    rcode: bytes.readUInt8(3) & 0x0f,
    data: (decoded.answers ?? []).map((answer) => String('data' in answer ? answer.data : '')),
    isTruncated: decoded.flag_tc,
    question: decoded.questions?.[0]?.name ?? '',
    bytes,
  };
}

/** Undefined where no answer comes within `waitMs`. */
export async function sendUdp(
  server: string,
  query: Buffer,
  { from, waitMs = WAIT_MS }: { readonly from?: string | undefined; readonly waitMs?: number } = {},
): Promise<Buffer | undefined> {
  const { host, port } = placeOf(server);
  const socket = createSocket('udp4');
  try {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
    socket.on('message', resolve).on('error', reject);
    if (from !== undefined) socket.bind(0, from);
    socket.send(query, port, host);
    const timer = setTimeout(() => resolve(undefined), waitMs);
    return await promise.finally(() => clearTimeout(timer));
  } finally {
    socket.close();
  }
}

/** Sends each query with its length before it, and resolves with the first answer. */
async function sendTcp(server: string, query: Buffer, from: string | undefined): Promise<Buffer | undefined> {
  const { host, port } = placeOf(server);
  const socket = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) });
  try {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
    let received: Buffer = Buffer.alloc(0);
    socket.on('error', reject).on('close', () => resolve(undefined));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const isWhole = received.length >= 2 && received.length >= 2 + received.readUInt16BE(0);
      if (isWhole) resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
    });
    socket.write(Buffer.concat([Buffer.of(query.length >> 8, query.length & 0xff), query]));
    socket.setTimeout(WAIT_MS, () => socket.destroy());
    return await promise;
  } finally {
    socket.destroy();
  }
}

function placeOf(server: string): { readonly host: string; readonly port: number } {
  const { hostname: host, port } = new URL(`udp://${server}`);
  return { host, port: Number(port) };
}
