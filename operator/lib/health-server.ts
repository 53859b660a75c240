// /healthz, /readyz and /metrics of a role. Each check is a sentence that says what is missing, or nothing.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Undefined where all is well, else what is missing. */
export type Check = () => string | undefined;

export interface HealthServerOptions {
  /** 0 for any. */
  readonly port: number;
  readonly host?: string;
  /** By name; /healthz asks those of `live`, /readyz those of `ready`. */
  readonly live: Readonly<Record<string, Check>>;
  readonly ready: Readonly<Record<string, Check>>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Throws where the port is taken. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    void answer(options, request.method ?? '', request.url ?? '').then(({ status, type, text }) =>
      response.writeHead(status, { 'content-type': type }).end(text),
    );
  });
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function answer(options: HealthServerOptions, method: string, url: string): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET is answered here\n');
  switch (url.split('?')[0]) {
    case '/healthz':
      return checked(options.live);
    case '/readyz':
      return checked(options.ready);
    case '/metrics':
      return { status: 200, type: options.metrics.contentType, text: await options.metrics.text() };
    default:
      return plain(404, 'here are /healthz, /readyz and /metrics\n');
  }
}

function checked(checks: Readonly<Record<string, Check>>): Answer {
  const results = Object.entries(checks).map(([name, check]) => ({ name, fault: check() }));
  const lines = results.map(({ name, fault }) =>
    fault === undefined ? `[+] ${name} ok\n` : `[-] ${name} failed: ${fault}\n`,
  );
  return plain(results.every(({ fault }) => fault === undefined) ? 200 : 503, lines.join('') || 'ok\n');
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', text };
}

function listen(server: Server, { port, host }: HealthServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Error(`Cannot listen on port ${port} for health checks: choose another with --health-port`, {
          cause,
        }),
      ),
    );
    server.listen(port, host, () => resolve());
  });
}
