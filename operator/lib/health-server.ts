// /healthz, /readyz and /metrics of a role. Each check returns a sentence about its fault, or nothing; a failed check
// is named, with the time of the first request that found it.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

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
  /** Pages that are answered when their text is there, by path. */
  readonly waits?: Readonly<Record<string, () => Promise<string>>>;
  /** A registry. */
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
}

export interface HealthServer {
  readonly port: number;
  /** Finishes running requests. */
  close(): Promise<void>;
}

const CLOSING_MS = 1000;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

type Page = () => Answer | Promise<Answer>;

/** Throws where the port is taken. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const pages = pagesOf(options);
  const server = createServer((request, response) => {
    void answer(pages, request.method ?? '', request.url ?? '').then(({ status, type, text }) =>
      response.writeHead(status, { 'content-type': type, allow: 'GET, HEAD' }).end(text),
    );
  });
  await listen(server, options);
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function pagesOf(options: HealthServerOptions): ReadonlyMap<string, Page> {
  const { live, ready, metrics, checks = {}, waits = {} } = options;
  return new Map<string, Page>([
    ['/healthz', checkPage(live)],
    ['/readyz', checkPage(ready)],
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, text: await metrics.metrics() })],
    ...Object.entries(checks).map(([path, page]) => [path, checkPage(page)] as const),
    ...Object.entries(waits).map(([path, text]) => [path, async () => plain(200, await text())] as const),
  ]);
}

async function answer(pages: ReadonlyMap<string, Page>, method: string, url: string): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET is answered here\n');
  const page = pages.get(url.split('?')[0] ?? '');
  if (page === undefined) return plain(404, `paths are ${[...pages.keys()].join(', ')}\n`);
  try {
    return await page();
  } catch (error) {
    return plain(500, `${(error as Error).message}\n`);
  }
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
    server.listen(port, host, () => resolve());
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
