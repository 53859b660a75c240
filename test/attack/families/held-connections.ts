// Connections of an attacker that are held: opened, sent some first bytes, and then left idle.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { helloFor } from '../../outside/client-hello.ts';
import type { Place } from './probe-scene.ts';

/** What is said on a held connection before nothing more is. */
export const FIRST_WORDS = {
  nothing: () => '',
  'half a ClientHello': (name) => helloFor(name).slice(0, 40),
  'half a head': (name) => `GET / HTTP/1.1\r\nHost: ${name}\r\nX-Slow:`,
  'a tunnel': (name) => `CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n`,
  'a ClientHello': (name) => helloFor(name),
  'one letter': () => 'G',
} as const satisfies Readonly<Record<string, (name: string) => string>>;

export type FirstWords = keyof typeof FIRST_WORDS;

export interface Held {
  readonly place: Place;
  readonly socket: Socket;
  isClosed: boolean;
}

/** Resolves when it is open, or closed again. */
export async function hold(place: Place, localAddress: string, words: string): Promise<Held> {
  const socket = connect({ ...place, localAddress, noDelay: true });
  const held: Held = { place, socket, isClosed: false };
  const gone = new Promise<void>((resolve) => {
    socket.on('close', () => {
      held.isClosed = true;
      resolve();
    });
  });
  socket.on('error', () => undefined);
  socket.resume();
  await Promise.race([once(socket, 'connect').catch(() => undefined), gone]);
  if (words !== '') socket.write(words, 'latin1');
  return held;
}
