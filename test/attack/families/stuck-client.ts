// A client that opens a tunnel or a request, and then either reads nothing or sends without end.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Place } from './probe-scene.ts';

export interface Stuck {
  readonly socket: Socket;
  /** Bytes that it was rid of, or that came in before it stopped to read. */
  readonly moved: number;
}

const BLOCK = Buffer.alloc(16 * 1024, 'y');

/** Resolves when it is through; then it reads no more. With `sends` it goes on to send. */
export async function stick(place: Place, turns: readonly string[], sends: boolean): Promise<Stuck> {
  const socket = connect({ ...place, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const [first = '', ...later] = turns;
  socket.write(first, 'latin1');
  for (const turn of later) {
    await once(socket, 'data');
    socket.write(turn, 'latin1');
  }
  if (!sends) await once(socket, 'data');
  socket.pause();
  if (sends) sendForEver(socket);
  return {
    socket,
    get moved() {
      return sends ? socket.bytesWritten - socket.writableLength : socket.bytesRead;
    },
  };
}

function sendForEver(socket: Socket): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(BLOCK));
  };
  socket.on('drain', more);
  more();
}
