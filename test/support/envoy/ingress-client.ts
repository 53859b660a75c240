// A person's browser, from any loopback address: one request for a host of a workspace. In: where the gateway listens.
// Out: status and text, or why there was no answer.
import { type RequestOptions, request } from 'node:http';
import { request as secureRequest } from 'node:https';

export interface Visit {
  /** "address:port". */
  readonly at: string;
  readonly host: string;
  readonly from?: string;
  /** PEM; the request goes over TLS where there is one. */
  readonly ca?: string;
}

export interface VisitResult {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly text: string;
}

export function visit({ at, host, from = '127.0.0.1', ca }: Visit): Promise<VisitResult> {
  const { hostname, port } = new URL(`http://${at}`);
  const options: RequestOptions = {
    host: hostname,
    port,
    localAddress: from,
    headers: { host },
    agent: false,
    timeout: 5000,
  };
  return new Promise((resolve) => {
    const asked = ca === undefined ? request(options) : secureRequest({ ...options, ca, servername: host });
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', (error) => resolve({ status: 0, text: error.message }));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (error) => resolve({ status: 0, text: error.message }));
    asked.end();
  });
}
