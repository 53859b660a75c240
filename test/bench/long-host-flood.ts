// Requests that are all denied, over connections that are kept, each with a Host of its own of almost the length that
// Envoy takes. In: the proxy, and when to stop. Out: how many were sent and answered.
import { once } from 'node:events';
import { connect } from 'node:net';
import { ByteReader } from '../outside/byte-reader.ts';
import { readResponse } from '../outside/http-exchange.ts';
import type { Place } from './tunnel.ts';

export interface Ledger {
  /** With 403. */
  readonly denied: number;
  /** Asked, but the connection ended first: there may be a denial or none. */
  readonly unanswered: number;
}

const HOST_BYTES = 29_000;
const CONNECTIONS = 4;
const DENIED = 403;

/** Ends when `isEnough` is true of the number of requests so far, or the proxy is gone. */
export async function floodLongHosts(proxy: Place, isEnough: (asked: number) => boolean): Promise<Ledger> {
  let asked = 0;
  let denied = 0;
  const client = async (): Promise<void> => {
    const socket = connect({ ...proxy, noDelay: true });
    await once(socket, 'connect');
    const reader = new ByteReader(socket);
    try {
      while (!isEnough(asked)) {
        asked += 1;
        const host = `flood-${asked}-`.padEnd(HOST_BYTES, 'x');
        socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        const { status } = await readResponse(reader, 'GET');
        if (status !== DENIED) throw new WrongAnswer(`Wanted status ${DENIED}, not ${status}`);
        denied += 1;
      }
    } finally {
      socket.destroy();
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: CONNECTIONS }, client));
  for (const one of ended)
    if (one.status === 'rejected' && one.reason instanceof WrongAnswer) throw one.reason;
  return { denied, unanswered: asked - denied };
}

class WrongAnswer extends Error {}
