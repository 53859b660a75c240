// Ports of loopback addresses: one that is free, and whether somebody listens.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { Place } from './tunnel.ts';

/** Free at the moment of asking. */
export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}

export function isListening(place: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place);
    const answer = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
