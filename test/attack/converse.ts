// Sends bytes over TCP or UDP and describes the answer in words.
// In: where to, from which address, and turns of bytes. Out: "200 hello", "403", "closed", "silence", "NXDOMAIN".
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import packet from 'dns-packet';
import { errorCode } from '../outside/error-code.ts';
import type { Turn } from './attack-case.ts';

export interface Conversation {
  readonly host: string;
  readonly port: number;
  /** Source address: the rows of a case are found by it. */
  readonly localAddress: string;
  /** How many answers to wait for. */
  readonly answers: number;
  readonly limitMs: number;
  /** Whether the other side has said no, so that nothing further is sent or waited for. */
  readonly isRefusal?: (words: readonly string[]) => boolean;
}

/** What came back: as words, and by the letter (Latin-1). */
export interface Answer {
  readonly words: readonly string[];
  readonly bytes: string;
}

/** So that two pieces arrive as two segments. */
const BETWEEN_PIECES_MS = 10;

/** In the order of what may come: heads of HTTP, a server's TLS, a TLS alert, a banner, an echo. */
const ANSWERS =
  /HTTP\/1\.[01] (\d{3})|\x16\x03[\x00-\x04][^]{2}\x02|\x15\x03[\x00-\x04]\x00\x02|SSH-2\.0-Stand|echo!/g;

/** Everything that was answered until there were enough answers, the other side closed, or nothing came in time. */
export async function converse(turns: readonly Turn[], conversation: Conversation): Promise<string> {
  const { words } = await hear(turns, conversation);
  return words.join(' ');
}

export async function hear(turns: readonly Turn[], conversation: Conversation): Promise<Answer> {
  const { host, port, localAddress, answers, limitMs, isRefusal = () => false } = conversation;
  const socket = connect({ host, port, localAddress, noDelay: true });
  const heard = new Heard(socket, isRefusal);
  const timer = setTimeout(() => heard.end('silence'), limitMs);
  try {
    for (const { afterAnswers, pieces } of turns) {
      await heard.atLeast(afterAnswers);
      if (heard.isOver) break;
      await writePieces(socket, pieces);
    }
    await heard.atLeast(answers);
    return { words: heard.words, bytes: heard.bytes };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function writePieces(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) await wait(BETWEEN_PIECES_MS);
    socket.write(piece, 'latin1');
  }
}

/** What has come so far, as words; ends with why no more will come. */
class Heard {
  readonly #isRefusal: (words: readonly string[]) => boolean;
  #bytes = '';
  #terminating: string | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, isRefusal: (words: readonly string[]) => boolean) {
    this.#isRefusal = isRefusal;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', (error) =>
      this.end(errorCode(error) === 'ECONNREFUSED' ? 'nobody listens' : 'closed'),
    );
    socket.on('end', () => this.end('closed'));
    socket.on('close', () => this.end('closed'));
  }

  get words(): readonly string[] {
    const found = [...this.#bytes.matchAll(ANSWERS)].map(([all, status]) => status ?? wordFor(all));
    const dnsAnswer = found.length === 0 ? describeStream(this.#bytes) : undefined;
    return [...found, dnsAnswer, this.#terminating].filter((word) => word !== undefined);
  }

  get bytes(): string {
    return this.#bytes;
  }

  get isOver(): boolean {
    return this.#terminating !== undefined || this.#isRefusal(this.words);
  }

  end(how: string): void {
    this.#terminating ??= how;
    this.#wake();
  }

  async atLeast(count: number): Promise<void> {
    while (!this.isOver && this.words.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function wordFor(bytes: string): string {
  const words: Readonly<Record<string, string>> = {
    '\x16': 'hello',
    '\x15': 'alert',
    S: 'banner',
    e: 'echo',
  };
  return words[bytes.charAt(0)] ?? bytes;
}

/** Sends datagrams; the words for the last one that came back. */
export async function exchange(datagrams: readonly string[], conversation: Conversation): Promise<string> {
  const { host, port, localAddress, limitMs } = conversation;
  const socket = createSocket('udp4');
  try {
    socket.bind(0, localAddress);
    await once(socket, 'listening');
    socket.connect(port, host);
    await once(socket, 'connect');
    const answer = new Promise<string>((resolve) => {
      socket.on('message', (bytes) => resolve(describeAnswer(bytes)));
      socket.on('error', () => resolve('nobody listens'));
    });
    for (const datagram of datagrams) socket.send(Buffer.from(datagram, 'latin1'));
    return await Promise.race([answer, wait(limitMs, 'silence', { ref: false })]);
  } finally {
    socket.close();
  }
}

function describeStream(bytes: string): string | undefined {
  const buffer = Buffer.from(bytes, 'latin1');
  const isWhole = buffer.length > 2 && buffer.length >= 2 + buffer.readUInt16BE(0);
  return isWhole ? describeAnswer(buffer.subarray(2, 2 + buffer.readUInt16BE(0))) : undefined;
}

/** "NXDOMAIN", "NOERROR" (no data), "NOERROR A 127.0.0.1", "NOERROR TC". */
function describeAnswer(bytes: Buffer): string {
  try {
    const {
      rcode,
      flag_tc: isTruncated,
      answers = [],
    } = packet.decode(bytes) as packet.DecodedPacket & {
      rcode: string;
    };
    const data = answers.map((answer) => `${answer.type} ${'data' in answer ? String(answer.data) : ''}`);
    return [rcode, ...(isTruncated ? ['TC'] : []), ...data].join(' ');
  } catch {
    return `unreadable ${bytes.toString('hex')}`;
  }
}
