// A flood from a thread of its own, so that it takes none of the gateway's time but what the gateway itself gives to
// it. In (workerData): where to, what, for how long. Out: one message with how many were answered.
import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { ByteReader } from '../../outside/byte-reader.ts';
import { sendUdp } from '../../outside/dns-client.ts';
import { oddQuestion } from '../senders.ts';
import type { Flood, FloodTally } from './flood.ts';

const { place, kind, size, connections, durationMs, source } = workerData as Flood;
const endMs = performance.now() + durationMs;
let sent = 0;
let answered = 0;

/** A name that nobody allows, or a new one under the wildcard that is allowed. */
function nameOf(at: number): string {
  if (kind === 'new names') return `new-${at}.leads.example.net`;
  if (kind === 'long hosts') return `${'z'.repeat(size)}.${at % 50}.flood.example`;
  return kind === 'same host' ? 'same.flood.example' : `n${at}.flood.example`;
}

function requestFor(at: number): string {
  const name = nameOf(at);
  const path = kind === 'long paths' ? 'p'.repeat(size) : '';
  return `GET /${path} HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
}

async function floodByHttp(): Promise<void> {
  while (performance.now() < endMs) {
    const socket = connect({ ...place, localAddress: source, noDelay: true });
    // The reader rejects where the connection ends, and then there is another one.
    await askAgainAndAgain(socket).catch(() => undefined);
    socket.destroy();
  }
}

async function askAgainAndAgain(socket: Socket): Promise<void> {
  const reader = new ByteReader(socket);
  while (performance.now() < endMs) {
    sent += 1;
    socket.write(requestFor(sent));
    await reader.readSome();
    answered += 1;
  }
}

async function floodByQuestions(): Promise<void> {
  while (performance.now() < endMs) {
    sent += 1;
    const query = Buffer.from(oddQuestion(nameOf(sent).split('.')), 'latin1');
    const answer = await sendUdp(`${place.host}:${place.port}`, query, { from: source, waitMs: 200 });
    if (answer !== undefined) answered += 1;
  }
}

const work = kind === 'questions' ? floodByQuestions : floodByHttp;
await Promise.all(Array.from({ length: connections }, work));
parentPort?.postMessage({ sent, answered } satisfies FloodTally);
