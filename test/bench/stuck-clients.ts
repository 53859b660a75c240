// A worker: clients that open connections and send a request; then they read nothing of the answer, or all
// of it for a while. In: a StuckRequest per message. Out: a StuckAnswer per message. The connections end with the
// worker.
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import type { Place } from './tunnel.ts';

export interface StuckRequest {
  readonly target: Place;
  /** Latin-1. */
  readonly says: string;
  readonly connections: number;
  /** Reads for so long and leaves; reads nothing and stays where there is no such time. */
  readonly readMs?: number;
}

export interface StuckAnswer {
  /** Connections that were sent something. */
  readonly served: number;
  readonly bytesPerSecond: number;
}

const AT_ONCE = 64;
const LIMIT_MS = 30_000;
const RETRY_MS = 500;

parentPort?.on('message', (request: StuckRequest) => {
  void serve(request).then((answer) => parentPort?.postMessage(answer));
});

async function serve({ connections, readMs, ...what }: StuckRequest): Promise<StuckAnswer> {
  const held: Socket[] = [];
  let [left, tries] = [connections, connections];
  const open = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const socket = await opened(what);
      if (socket !== undefined) held.push(socket);
      else if (tries-- > 0) {
        // A port is given more of its workspace's connections once it uses what it has.
        left += 1;
        await delay(RETRY_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, connections) }, open));
  return { served: held.length, bytesPerSecond: readMs === undefined ? 0 : await readAll(held, readMs) };
}

/** A socket that was sent something and is not read any more; undefined where it came to an end. */
function opened({ target, says }: Pick<StuckRequest, 'target' | 'says'>): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, noDelay: true });
    socket.setTimeout(LIMIT_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy()).on('close', () => resolve(undefined));
    socket.once('connect', () => socket.write(says, 'latin1'));
    socket.once('data', () => {
      socket.pause();
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

async function readAll(sockets: readonly Socket[], readMs: number): Promise<number> {
  let bytes = 0;
  const startMs = performance.now();
  for (const socket of sockets) {
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.resume();
  }
  await new Promise((resolve) => setTimeout(resolve, readMs));
  const seconds = (performance.now() - startMs) / 1000;
  for (const socket of sockets) socket.destroy();
  return bytes / seconds;
}
