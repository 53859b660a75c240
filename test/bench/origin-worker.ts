// A worker: one TLS 1.3 server that answers every request with the same few bytes and closes. As cheap as Node can.
// In: workerData. Out: the message "listening". It ignores what a client says.
import { createServer } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

export interface OriginOptions {
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
const BACKLOG = 1024;

const { address, port, cert, key } = workerData as OriginOptions;

const server = createServer({ cert, key, minVersion: 'TLSv1.3', ecdhCurve: 'X25519' }, (socket) => {
  socket.once('data', () => socket.end(ANSWER));
  socket.on('error', () => socket.destroy());
});
server.on('tlsClientError', (_error, socket) => socket.destroy());
server.listen({ host: address, port, backlog: BACKLOG }, () => parentPort?.postMessage('listening'));
