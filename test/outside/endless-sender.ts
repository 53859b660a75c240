// A server that sends without end as soon as it has heard anything, and reads nothing after it.
import type { Socket } from 'node:net';

/** Plain HTTP without a length goes on until the connection ends; a tunnel reads none of it. */
const HEAD = Buffer.from('HTTP/1.1 200 OK\r\n\r\n');
const BLOCK = Buffer.alloc(64 * 1024, 'x');

export function sendWithoutEnd(socket: Socket): void {
  socket.once('data', () => {
    socket.pause();
    const send = (): void => {
      while (!socket.destroyed && socket.write(BLOCK));
    };
    socket.on('drain', send);
    socket.write(HEAD);
    send();
  });
}
