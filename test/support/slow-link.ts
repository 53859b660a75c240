// A TCP link to a server on this machine that can be slow or cut, for tests.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface SlowLink {
  readonly port: number;
  /** So much later each piece of an answer arrives. */
  delayMs: number;
  /** Cuts what is open, and refuses what comes. */
  isCut: boolean;
  readonly close: () => void;
}

export async function slowLinkTo(port: number): Promise<SlowLink> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    if (link.isCut) {
      client.destroy();
      return;
    }
    const target = connect(port, '127.0.0.1');
    for (const socket of [client, target]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        (socket === client ? target : client).destroy();
      });
    }
    client.on('data', (bytes) => target.write(bytes));
    target.on('data', (bytes) => void setTimeout(() => client.write(bytes), link.delayMs));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let isCut = false;
  const link: SlowLink = {
    port: (server.address() as AddressInfo).port,
    delayMs: 0,
    get isCut() {
      return isCut;
    },
    set isCut(value) {
      isCut = value;
      if (value) for (const socket of open) socket.destroy();
    },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
  return link;
}
