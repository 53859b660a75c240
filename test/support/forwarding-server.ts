// An API server that forwards ports and does nothing else, for tests: what comes on a WebSocket goes to a local port, as the
// kubelet would lead it to a pod.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { WebSocketServer } from 'ws';

const DATA = 0;
const ERROR = 1;

export interface ForwardingServer {
  /** JSON. */
  readonly kubeconfig: string;
  /** Connections that are open. */
  readonly open: () => number;
  readonly close: () => void;
}

export async function startForwarding(port: number): Promise<ForwardingServer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  let open = 0;
  new WebSocketServer({ server }).on('connection', (socket) => {
    open += 1;
    const send = (channel: number, data: Buffer): void =>
      socket.send(Buffer.concat([Buffer.from([channel]), data]));
    // Each channel begins with the port of the pod.
    for (const channel of [DATA, ERROR]) send(channel, Buffer.from([0xfc, 0x20]));
    const pod = connect(port, '127.0.0.1');
    pod.on('data', (data) => send(DATA, data));
    pod.on('error', ({ message }) => send(ERROR, Buffer.from(message)));
    pod.on('close', () => socket.close());
    socket.on('message', (message) => void pod.write(message.subarray(1)));
    socket.on('close', () => {
      open -= 1;
      pod.destroy();
    });
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    'current-context': 'here',
    clusters: [{ name: 'here', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'me', user: { token: 'secret' } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
  };
  return { kubeconfig: JSON.stringify(config), open: () => open, close: () => void server.close() };
}
