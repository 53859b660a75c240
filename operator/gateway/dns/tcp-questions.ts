// Questions of one TCP connection, several at a time, each answered as soon as it can be. A client that is silent is
// disconnected, one that asks faster than it reads has to wait; nobody else waits for it.
import type { Socket } from 'node:net';
import { MessageReader, streamed } from './message-reader.ts';

const IDLE_MS = 10_000;
const MAX_UNANSWERED = 32;
/** The shortest question; a shorter message is not DNS. */
const SHORTEST_MESSAGE = 12;

export type Respond = (query: Buffer) => Buffer | Promise<Buffer> | undefined;

export function serveTcpQuestions(socket: Socket, respond: Respond): void {
  const reader = new MessageReader();
  let unanswered = 0;
  const settle = (): void => {
    unanswered -= 1;
    if (unanswered < MAX_UNANSWERED && socket.writableLength < socket.writableHighWaterMark) socket.resume();
  };
  const answer = (message: Buffer): void => {
    const response = message.length < SHORTEST_MESSAGE ? undefined : respond(message);
    if (response === undefined) return void socket.destroy();
    unanswered += 1;
    if (response instanceof Promise)
      void response.then((bytes) => socket.write(streamed(bytes))).then(settle);
    else {
      socket.write(streamed(response));
      settle();
    }
  };
  socket.setNoDelay(true);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('drain', () => socket.resume());
  socket.on('data', (chunk) => {
    for (const message of reader.take(chunk)) if (!socket.destroyed) answer(message);
    if (unanswered >= MAX_UNANSWERED || socket.writableNeedDrain) socket.pause();
  });
}
