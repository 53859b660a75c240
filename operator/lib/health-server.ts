// /healthz, /readyz and /metrics of a role. Each check returns a sentence about its fault, or nothing; a failed check
// is named, with the time of the first request that found it. The kubelet and Prometheus ask; whoever else reaches the
// port must not keep them from it, so connections are bounded, and what one may cost.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as otherRequests } from 'node:timers/promises';
import { boundConnections } from './connection-bound.ts';

/** Undefined where all is well, else the fault. One that throws has failed. */
type Check = () => string | undefined;
type Checks = Readonly<Record<string, Check>>;

export interface HealthServerOptions {
  /** 0 for any. */
  readonly port: number;
  readonly host?: string;
  /** By name; /healthz runs those of `live`, /readyz those of `ready`. */
  readonly live: Checks;
  readonly ready: Checks;
  /** Further pages of checks, by path. */
  readonly checks?: Readonly<Record<string, Checks>>;
  /** Pages that are answered when their text is there, by path; they must end when nobody waits any more. */
  readonly waits?: Readonly<Record<string, (isAwaited: () => boolean) => Promise<string>>>;
  /** A registry. */
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
}

export interface HealthServer {
  readonly port: number;
  /** Finishes running requests. */
  close(): Promise<void>;
}

const CLOSING_MS = 1000;
/** Those who should ask have a handful. */
const MOST_CONNECTIONS = 256;
/** For a request to arrive, and for silence while an answer is read. */
const REQUEST_MS = 5000;
const CHECK_MS = 1000;
/** Of connections that are not accepted yet: the kernel's usual limit. Beyond it the kubelet would have to try again. */
const BACKLOG = 4096;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

type Page = (socket: Socket) => Answer | Promise<Answer>;

/** Throws where the port is taken. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const pages = pagesOf(options);
  const bounds = {
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: CHECK_MS,
  };
  const asking = new WeakSet<Socket>();
  const server = createServer(bounds, (request, response) => {
    const { socket } = request;
    // Further requests would be kept in memory until this one is answered.
    if (asking.has(socket)) return void socket.destroy();
    asking.add(socket);
    response.once('close', () => asking.delete(socket));
    void answer(pages, request).then(({ status, type, text }) =>
      response.writeHead(status, { 'content-type': type, allow: 'GET, HEAD' }).end(text),
    );
  });
  server.setTimeout(REQUEST_MS);
  boundConnections(server, { most: MOST_CONNECTIONS });
  await listen(server, options);
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function pagesOf(options: HealthServerOptions): ReadonlyMap<string, Page> {
  const { live, ready, metrics, checks = {}, waits = {} } = options;
  return new Map<string, Page>([
    ['/healthz', checkPage(live)],
    ['/readyz', checkPage(ready)],
    ['/metrics', metricsPage(metrics)],
    ...Object.entries(checks).map(([path, page]) => [path, checkPage(page)] as const),
    ...Object.entries(waits).map(([path, text]) => [path, waitPage(text)] as const),
  ]);
}

async function answer(
  pages: ReadonlyMap<string, Page>,
  { method, url = '', socket }: IncomingMessage,
): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET is answered here\n');
  const page = pages.get(url.split('?')[0] ?? '');
  if (page === undefined) return plain(404, `paths are ${[...pages.keys()].join(', ')}\n`);
  try {
    return await page(socket);
  } catch (error) {
    return plain(500, `${(error as Error).message}\n`);
  }
}

/** Those who ask at the same time get the same text, so that many cost what one does. */
function metricsPage(registry: HealthServerOptions['metrics']): Page {
  let next: Promise<string> | undefined;
  const read = async (): Promise<string> => {
    await otherRequests();
    next = undefined;
    return registry.metrics();
  };
  return async () => {
    next ??= read();
    return { status: 200, type: registry.contentType, text: await next };
  };
}

function waitPage(text: (isAwaited: () => boolean) => Promise<string>): Page {
  return async (socket) => {
    socket.setTimeout(0);
    return plain(200, await text(() => !socket.destroyed));
  };
}

function checkPage(checks: Checks): Page {
  const failingSince = new Map<string, string>();
  return () => {
    const lines = Object.entries(checks).map(([name, check]) => {
      const fault = faultOf(check);
      if (fault === undefined) failingSince.delete(name);
      else if (!failingSince.has(name)) failingSince.set(name, new Date().toISOString());
      const since = failingSince.get(name);
      return since === undefined ? `[+] ${name} ok\n` : `[-] ${name} failed since ${since}: ${fault}\n`;
    });
    return plain(failingSince.size === 0 ? 200 : 503, lines.join('') || 'ok\n');
  };
}

function faultOf(check: Check): string | undefined {
  try {
    return check();
  } catch (error) {
    return (error as Error).message;
  }
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
    server.listen({ port, ...(host !== undefined && { host }), backlog: BACKLOG }, () => resolve());
  });
}

/** Slow connections are closed: nobody waits for a health check to end. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const closing = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
    server.close(() => {
      clearTimeout(closing);
      resolve();
    });
  });
}
