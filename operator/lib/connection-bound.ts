// Bounds the connections of a server that strangers may reach. Where there are too many, the address that holds most
// loses one: so nobody is shut out by what somebody else holds.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** From now on `server` has at most `most` connections. */
export function boundConnections(server: Server, most: number): void {
  const held = new Map<string, Set<Socket>>();
  let count = 0;
  // Node.js tells of a closed socket later than the next connections.
  const forget = (socket: Socket, address: string): void => {
    const sockets = held.get(address);
    if (sockets?.delete(socket) !== true) return;
    count--;
    if (sockets.size === 0) held.delete(address);
  };
  // Before the server's own listener, which reads.
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    held.set(address, (held.get(address) ?? new Set()).add(socket));
    count++;
    socket.once('close', () => forget(socket, address));
    if (count <= most) return;
    const [holder, sockets] = largest(held, address);
    // Its own newest, since that costs least; of somebody else the oldest, which probably only waits.
    const last = holder === address ? socket : sockets.values().next().value;
    if (last === undefined) return;
    forget(last, holder);
    last.destroy();
  });
}

/** `first` where nobody holds more. */
function largest(
  held: ReadonlyMap<string, ReadonlySet<Socket>>,
  first: string,
): readonly [string, ReadonlySet<Socket>] {
  let found: readonly [string, ReadonlySet<Socket>] = [first, held.get(first) ?? new Set()];
  for (const entry of held) if (entry[1].size > found[1].size) found = entry;
  return found;
}
