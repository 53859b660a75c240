// Asks a proxy for a tunnel and reads the verdict only. In: proxy and name. Out: the status, once per connection.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from './tunnel.ts';

const PORT = 443;
const BETWEEN_MS = 1;

/** Status of the answer to CONNECT; throws where the proxy gives none. */
export async function connectStatus(proxy: Place, name: string): Promise<number> {
  const socket = connect({ ...proxy, noDelay: true });
  try {
    socket.write(`CONNECT ${name}:${PORT} HTTP/1.1\r\nHost: ${name}:${PORT}\r\n\r\n`);
    const closed = once(socket, 'close').then(() => Promise.reject(new Error('Closed without an answer')));
    const [chunk] = (await Promise.race([once(socket, 'data'), closed])) as [Buffer];
    return Number(chunk.toString('latin1', 9, 12));
  } finally {
    socket.destroy();
  }
}

/** Asks again and again; resolves with the moment (performance.now()) of the first answer with this status. */
export async function untilStatus(
  proxy: Place,
  name: string,
  wanted: number,
  limitMs: number,
): Promise<number> {
  const deadlineMs = performance.now() + limitMs;
  while ((await connectStatus(proxy, name)) !== wanted) {
    if (performance.now() > deadlineMs) {
      throw new Error(`Waited ${limitMs} ms for status ${wanted} of "${name}"`);
    }
    await delay(BETWEEN_MS);
  }
  return performance.now();
}
