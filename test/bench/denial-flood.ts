// Requests that are all denied, each for a name of its own: four of five plain HTTP over connections that are kept,
// the fifth a CONNECT over a connection of its own. In: how many. Out: which were answered with 403, and when.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ByteReader } from '../outside/byte-reader.ts';
import { readResponse } from '../outside/http-exchange.ts';
import type { Place } from './tunnel.ts';

/** Every name of every flood ends so. */
export const FLOOD_DOMAIN = 'flood.example';

export interface FloodOptions {
  readonly proxy: Place;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Called after each answer; more than one flood may be counted together. */
  readonly onAnswer?: (answered: number) => void;
}

export interface FloodTally {
  /** When each denied name was answered (performance.now()). */
  readonly answeredMs: ReadonlyMap<string, number>;
  /** Requests without an answer: the proxy was gone. They are not sent again. */
  readonly unanswered: number;
  readonly seconds: number;
}

const CONNECTIONS = 8;
const CONNECT_EVERY = 5;
/** After a proxy that is not there. */
const PAUSE_MS = 5;
const DENIED = 403;

export async function flood({
  proxy,
  from,
  to,
  onAnswer = () => undefined,
}: FloodOptions): Promise<FloodTally> {
  const answeredMs = new Map<string, number>();
  let unanswered = 0;
  let next = from;
  const startMs = performance.now();
  const client = async (): Promise<void> => {
    const requester = new Requester(proxy);
    while (next < to) {
      const number = next;
      next += 1;
      const name = `denied-${String(number).padStart(6, '0')}.${FLOOD_DOMAIN}`;
      if (await requester.isRejected(name, number % CONNECT_EVERY === 0)) {
        answeredMs.set(name, performance.now());
        onAnswer(answeredMs.size);
      } else {
        unanswered += 1;
        await delay(PAUSE_MS);
      }
    }
    requester.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return { answeredMs, unanswered, seconds: (performance.now() - startMs) / 1000 };
}

/** One client with one kept connection. */
class Requester {
  readonly #proxy: Place;
  #kept: { readonly socket: Socket; readonly reader: ByteReader } | undefined;

  constructor(proxy: Place) {
    this.#proxy = proxy;
  }

  /** False where no answer came; throws where the answer is another one. */
  async isRejected(name: string, byConnect: boolean): Promise<boolean> {
    const status = await (byConnect ? this.#connect(name) : this.#get(name)).catch(() => undefined);
    if (status === undefined) this.close();
    else if (status !== DENIED) throw new Error(`Wanted status ${DENIED} for "${name}", not ${status}`);
    return status !== undefined;
  }

  close(): void {
    this.#kept?.socket.destroy();
    this.#kept = undefined;
  }

  async #get(name: string): Promise<number> {
    this.#kept ??= await open(this.#proxy);
    const { socket, reader } = this.#kept;
    socket.write(`GET http://${name}/ HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
    return (await readResponse(reader, 'GET')).status;
  }

  async #connect(name: string): Promise<number> {
    const { socket, reader } = await open(this.#proxy);
    try {
      socket.write(`CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n`);
      return (await readResponse(reader, 'CONNECT')).status;
    } finally {
      socket.destroy();
    }
  }
}

async function open(proxy: Place): Promise<{ readonly socket: Socket; readonly reader: ByteReader }> {
  const socket = connect({ ...proxy, noDelay: true });
  await once(socket, 'connect');
  return { socket, reader: new ByteReader(socket) };
}
