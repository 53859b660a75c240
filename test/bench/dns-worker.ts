// A worker: asks a name server for A records over many sockets, each with an address of its own, as pods have.
// In: a DnsRun per message. Out: a DnsTally per message. Either as fast as answers come, or at a rate that is given.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import packet from 'dns-packet';
import type { Place } from './tunnel.ts';

export type Transport = 'UDP' | 'TCP';

export interface DnsRun {
  readonly place: Place;
  readonly transport: Transport;
  /** Where questions come from, one socket each. */
  readonly sources: readonly string[];
  /** Each has an A record. */
  readonly names: readonly string[];
  readonly durationMs: number;
  /** Undefined: each socket asks again as soon as it has its answer. */
  readonly perSecond?: number;
}

export interface DnsTally {
  /** Milliseconds, one for each answer with an address. */
  readonly latenciesMs: Float64Array;
  /** Answers without an address. */
  readonly wrong: number;
  /** Questions that nobody answered. */
  readonly lost: number;
}

interface Channel {
  readonly send: (query: Buffer) => void;
  readonly close: () => void;
}

type OnAnswer = (answer: Buffer) => void;

const HEADER_BYTES = 12;
const LENGTH_BYTES = 2;
const IDS = 65_536;
/** After the last question. */
const PATIENCE_MS = 300;

parentPort?.on('message', (run: DnsRun) => {
  void ask(run).then((tally) => parentPort?.postMessage(tally));
});

async function ask(run: DnsRun): Promise<DnsTally> {
  const asker = new Asker(run);
  await asker.open();
  if (run.perSecond === undefined) await asker.askInTurns(run.durationMs);
  else await asker.askAtRate(run.perSecond, run.durationMs);
  await delay(PATIENCE_MS);
  asker.close();
  return asker.tally();
}

class Asker {
  readonly #run: DnsRun;
  readonly #queries: readonly Buffer[];
  readonly #sentMs = new Float64Array(IDS);
  readonly #latenciesMs: number[] = [];
  #channels: readonly Channel[] = [];
  #sent = 0;
  #wrong = 0;
  #endMs = 0;

  constructor(run: DnsRun) {
    this.#run = run;
    this.#queries = run.names.map((name) =>
      packet.encode({ type: 'query', flags: packet.RECURSION_DESIRED, questions: [{ type: 'A', name }] }),
    );
  }

  async open(): Promise<void> {
    const { sources, place, transport } = this.#run;
    const openOne = transport === 'UDP' ? openUdp : openTcp;
    this.#channels = await Promise.all(
      sources.map((source, at) => openOne(place, source, (answer) => this.#onAnswer(answer, at))),
    );
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
  }

  tally(): DnsTally {
    const answered = this.#latenciesMs.length + this.#wrong;
    return {
      latenciesMs: Float64Array.from(this.#latenciesMs),
      wrong: this.#wrong,
      lost: this.#sent - answered,
    };
  }

  async askInTurns(durationMs: number): Promise<void> {
    this.#endMs = performance.now() + durationMs;
    for (const at of this.#channels.keys()) this.#ask(at);
    await delay(durationMs);
  }

  /** Spins between two questions: a timer of a millisecond would send them in bursts. */
  async askAtRate(perSecond: number, durationMs: number): Promise<void> {
    const startMs = performance.now();
    for (let nowMs = startMs; nowMs < startMs + durationMs; nowMs = performance.now()) {
      const due = ((nowMs - startMs) * perSecond) / 1000;
      while (this.#sent < due) this.#ask(this.#sent % this.#channels.length);
      await breathe();
    }
  }

  #ask(at: number): void {
    const query = this.#queries[this.#sent % this.#queries.length];
    const channel = this.#channels[at];
    if (query === undefined || channel === undefined) return;
    const id = this.#sent % IDS;
    this.#sent += 1;
    const copy = Buffer.from(query);
    copy.writeUInt16BE(id, 0);
    this.#sentMs[id] = performance.now();
    channel.send(copy);
  }

  #onAnswer(answer: Buffer, at: number): void {
    const nowMs = performance.now();
    const hasAddress = answer.length > HEADER_BYTES && answer.readUInt16BE(6) > 0;
    if (hasAddress) this.#latenciesMs.push(nowMs - (this.#sentMs[answer.readUInt16BE(0)] ?? 0));
    else this.#wrong += 1;
    if (nowMs < this.#endMs) this.#ask(at);
  }
}

async function openUdp(place: Place, source: string, onAnswer: OnAnswer): Promise<Channel> {
  const socket = createSocket('udp4').on('message', onAnswer);
  socket.bind(0, source);
  await once(socket, 'listening');
  socket.connect(place.port, place.host);
  await once(socket, 'connect');
  return { send: (query) => socket.send(query), close: () => socket.close() };
}

async function openTcp(place: Place, source: string, onAnswer: OnAnswer): Promise<Channel> {
  const socket = connect({ ...place, localAddress: source, noDelay: true });
  await once(socket, 'connect');
  // Whoever is cut off loses its answers, which is counted.
  socket.on('error', () => socket.destroy());
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (received.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + received.readUInt16BE(0);
      if (received.length < end) return;
      onAnswer(received.subarray(LENGTH_BYTES, end));
      received = received.subarray(end);
    }
  });
  const send = (query: Buffer): void => {
    const framed = Buffer.alloc(LENGTH_BYTES + query.length);
    framed.writeUInt16BE(query.length, 0);
    query.copy(framed, LENGTH_BYTES);
    socket.write(framed);
  };
  return { send, close: () => socket.destroy() };
}
