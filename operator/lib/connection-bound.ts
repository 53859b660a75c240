// Bounds the connections of a server that strangers may reach. Where there are too many, whoever holds most loses one: so
// nobody is shut out by what somebody else holds. Where a server knows its callers, connections without one end after a
// while, and go first; the others are counted by caller, since many callers may come from one address.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** "crowded": for a new one. */
export type EndedConnection = 'crowded' | 'unaccepted';

export interface ConnectionBoundOptions {
  readonly most: number;
  /** Of a server that calls accept(): how long a connection may be without a caller. */
  readonly unacceptedMs?: number;
  readonly onEnded?: (why: EndedConnection) => void;
}

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

interface ConnectionBound {
  /** Whose it is from now on; what was said first counts. */
  accept(connection: Peer, caller: string): void;
}

type Sockets = ReadonlySet<Socket>;

/** Sockets by holder: an address, or a caller; those of one in the order in which they came. */
class Held {
  readonly #sockets = new Map<string, Set<Socket>>();

  add(holder: string, socket: Socket): void {
    this.#sockets.set(holder, (this.#sockets.get(holder) ?? new Set()).add(socket));
  }

  delete(holder: string, socket: Socket): void {
    const sockets = this.#sockets.get(holder);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#sockets.delete(holder);
  }

  /** `first` where nobody holds more. */
  largest(first: string): readonly [string, Sockets] {
    let found: readonly [string, Sockets] = [first, this.#sockets.get(first) ?? new Set()];
    for (const entry of this.#sockets) if (entry[1].size > found[1].size) found = entry;
    return found;
  }
}

/** From now on `server` has at most `most` connections. */
export function boundConnections(server: Server, options: ConnectionBoundOptions): ConnectionBound {
  const { most, unacceptedMs, onEnded = () => undefined } = options;
  const strangers = new Held();
  const known = new Held();
  /** Of each connection what takes it out of the books. */
  const open = new Map<Socket, () => void>();
  const unaccepted = new Map<string, (caller: string) => void>();
  const end = (socket: Socket, why: EndedConnection): void => {
    open.get(socket)?.();
    onEnded(why);
    socket.destroy();
  };
  const enter = (socket: Socket, held: Held, holder: string, onForgotten = () => {}): void => {
    held.add(holder, socket);
    open.set(socket, () => {
      held.delete(holder, socket);
      open.delete(socket);
      onForgotten();
    });
  };
  const enterStranger = (socket: Socket, address: string, limitMs: number): void => {
    const peer = peerOf(socket);
    const timer = setTimeout(() => end(socket, 'unaccepted'), limitMs);
    enter(socket, strangers, address, () => {
      clearTimeout(timer);
      unaccepted.delete(peer);
    });
    unaccepted.set(peer, (caller) => {
      open.get(socket)?.();
      enter(socket, known, caller);
    });
  };
  // Before the server's own listener, which reads.
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (unacceptedMs === undefined) enter(socket, known, address);
    else enterStranger(socket, address, unacceptedMs);
    // Node.js tells of a closed socket later than the next connections.
    socket.once('close', () => open.get(socket)?.());
    if (open.size > most) end(leastNeeded(socket, address, strangers, known), 'crowded');
  });
  return { accept: (connection, caller) => unaccepted.get(peerOf(connection))?.(caller) };
}

/** TLS has a socket of its own, which shows nothing of the one below but this. */
const peerOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`;

function leastNeeded(newest: Socket, address: string, strangers: Held, known: Held): Socket {
  const [, ofOne] = strangers.largest(address);
  // More than one that has just come: its oldest, also of the own address, since a caller is known within moments.
  if (ofOne.size > 1) return oldest(ofOne) ?? newest;
  const [holder, sockets] = known.largest(address);
  // Its own newest, since that costs least; of somebody else the oldest, which probably only waits.
  return holder === address ? newest : (oldest(sockets) ?? newest);
}

const oldest = (sockets: Sockets): Socket | undefined => sockets.values().next().value;
