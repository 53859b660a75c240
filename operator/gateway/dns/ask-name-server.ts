// One question to one name server: over UDP from a port of its own, so that a forged answer must guess port and id, and
// over TCP where the answer is truncated. Rejects where no answer arrives in time.
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { answersQuery, isTruncated } from './forwarded-answer.ts';
import { MessageReader, streamed } from './message-reader.ts';

export interface NameServer {
  readonly address: string;
  readonly port: number;
}

export interface SentQuery {
  readonly bytes: Buffer;
  readonly questionEnd: number;
}

export async function askNameServer(
  server: NameServer,
  query: SentQuery,
  timeoutMs: number,
): Promise<Buffer> {
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await askOverUdp(server, query, signal);
  return isTruncated(answer) ? await askOverTcp(server, query, signal) : answer;
}

/** The socket is connected, so the kernel delivers only datagrams of that server. */
async function askOverUdp(server: NameServer, query: SentQuery, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
  socket.on('error', reject);
  socket.on('message', (bytes) => {
    if (answersQuery(bytes, query.bytes, query.questionEnd)) resolve(bytes);
  });
  socket.connect(server.port, server.address, () =>
    socket.send(query.bytes, (error) => {
      if (error !== null) reject(error);
    }),
  );
  return await ended(promise, { signal, reject, server, end: () => socket.close() });
}

async function askOverTcp(server: NameServer, query: SentQuery, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect(server.port, server.address);
  const reader = new MessageReader();
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${server.address} closed the connection without an answer`)));
  socket.on('data', (chunk) => {
    const [bytes] = reader.take(chunk);
    if (bytes === undefined) return;
    if (answersQuery(bytes, query.bytes, query.questionEnd)) resolve(bytes);
    else reject(new Error(`${server.address} answered something else`));
  });
  socket.write(streamed(query.bytes));
  return await ended(promise, { signal, reject, server, end: () => socket.destroy() });
}

interface Outcome {
  readonly signal: AbortSignal;
  readonly reject: (error: Error) => void;
  readonly server: NameServer;
  readonly end: () => void;
}

async function ended(answer: Promise<Buffer>, { signal, reject, server, end }: Outcome): Promise<Buffer> {
  const giveUp = (): void => reject(new Error(`${server.address} did not answer in time`));
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp);
  try {
    return await answer;
  } finally {
    signal.removeEventListener('abort', giveUp);
    end();
  }
}
