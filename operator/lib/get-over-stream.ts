// One HTTP request over a stream that somebody else has opened, such as a forwarded port. It need not be a socket.
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';

export interface StreamRequest {
  /** Name of the server, for its header. */
  readonly host: string;
  readonly path: string;
  readonly timeoutMs: number;
}

/** The body of the answer, whatever its status. Throws where there is none in time. */
export function getOverStream(stream: Duplex, { host, path, timeoutMs }: StreamRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      { createConnection: () => stream, path, headers: { host, connection: 'close' } },
      (response) => void text(response).then(resolve, reject),
    );
    // Node's own timeout of requests needs a socket.
    const timer = setTimeout(() => call.destroy(new Error('it does not answer')), timeoutMs);
    call.once('close', () => clearTimeout(timer));
    call.once('error', reject);
    call.end();
  });
}
