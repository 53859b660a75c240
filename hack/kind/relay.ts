// Passes connections on, between a port of 127.0.0.1 and a Unix socket: `relay.ts FROM TO`, each a port or a path.
// A path is the same place in every network namespace; two of these make a port of one reachable in another.
// Prints what it listens on.
import { connect, createServer, type Socket } from 'node:net';

const [from = '', to = ''] = process.argv.slice(2);

function placeOf(name: string): { readonly path: string } | { readonly port: number; readonly host: string } {
  return name.includes('/') ? { path: name } : { port: Number(name), host: '127.0.0.1' };
}

function passOn(client: Socket): void {
  const server = connect({ ...placeOf(to), allowHalfOpen: true });
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  client.pipe(server).pipe(client);
}

const listener = createServer({ allowHalfOpen: true }, passOn);
listener.listen(placeOf(from), () => {
  const address = listener.address();
  console.log(typeof address === 'object' ? address?.port : address);
});
