// A client of an ingress gateway with one connection that stays open, many requests a second: when does the gateway
// first answer as a list wants? In: where it listens, and the client's own address. Behind the hosts there is nothing.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ByteReader } from '../outside/byte-reader.ts';
import { readResponse } from '../outside/http-exchange.ts';
import type { Place } from './tunnel.ts';

const LIMIT_MS = 60_000;
/** Closer together they would take the processors from what is measured. */
const BETWEEN_MS = 2;
const DENIED = 403;
/** Nothing is behind the hosts; one that is not known yet gives 404. */
const ADMITTED = 503;

export class DoorProbe {
  readonly #place: Place;
  readonly #from: string;
  #kept: { readonly socket: Socket; readonly reader: ByteReader } | undefined;

  constructor(place: Place, from: string) {
    this.#place = place;
    this.#from = from;
  }

  /** The moment of the first answer that denies, or of the first that does not. */
  async untilDenied(host: string, isDenied: boolean): Promise<number> {
    const deadlineMs = performance.now() + LIMIT_MS;
    const wanted = isDenied ? DENIED : ADMITTED;
    while ((await this.#ask(host).catch(() => this.close())) !== wanted) {
      if (performance.now() > deadlineMs)
        throw new Error(`Waited ${LIMIT_MS} ms until ${host} ${isDenied ? 'denies' : 'admits'} the client`);
      await delay(BETWEEN_MS);
    }
    return performance.now();
  }

  /** The next request opens a connection again: a gateway that starts listens late. */
  close(): void {
    this.#kept?.socket.destroy();
    this.#kept = undefined;
  }

  async #ask(host: string): Promise<number> {
    this.#kept ??= await this.#open();
    const { socket, reader } = this.#kept;
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return (await readResponse(reader, 'GET')).status;
  }

  async #open(): Promise<{ readonly socket: Socket; readonly reader: ByteReader }> {
    const socket = connect({ ...this.#place, localAddress: this.#from, noDelay: true });
    await once(socket, 'connect');
    return { socket, reader: new ByteReader(socket) };
  }
}
