// What people read where a port of ingress is taken.
import { createServer, type Server } from 'node:net';
import { HTTP_LISTENER, TLS_LISTENER } from '../../render/envoy/ingress/ingress-names.ts';
import { heldBackIngress } from './held-back-ingress.ts';

let server: Server;
let port: number;

beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  port = (server.address() as { port: number }).port;
});

afterEach(() => {
  server.close();
});

test.each([
  [HTTP_LISTENER, '--ingress-http-port'],
  [TLS_LISTENER, '--ingress-https-port'],
])('heldBackIngress() names the option of the port of %s', async (name, option) => {
  const part = { kind: 'listener', name, text: 'cannot bind', isFormer: false, resource: undefined } as const;
  const settings = { address: '127.0.0.1', httpPort: port, tlsPort: port } as Parameters<
    typeof heldBackIngress
  >[1];
  expect(await heldBackIngress([part], settings)).toEqual([
    `Ingress: Cannot listen on "127.0.0.1:${port}": another process has this port, stop it or choose another with ${option}`,
  ]);
});
