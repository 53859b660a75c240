import { connect } from 'node:net';
import { Gauge, Registry } from 'prom-client';
import { type HealthServer, type HealthServerOptions, startHealthServer } from './health-server.ts';

const METRICS = { contentType: 'text/plain; version=0.0.4', metrics: async () => 'up 1\n' };

let server: HealthServer;

async function start(options: Partial<HealthServerOptions> = {}): Promise<void> {
  server = await startHealthServer({
    port: 0,
    host: '127.0.0.1',
    live: {},
    ready: {},
    metrics: METRICS,
    ...options,
  });
}

async function ask(
  path: string,
  method = 'GET',
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

afterEach(() => server.close());

describe('startHealthServer()', () => {
  it('is healthy and ready where nothing is missing', async () => {
    await start({ live: { watches: () => undefined } });
    expect(await ask('/healthz')).toEqual({ status: 200, text: '[+] watches ok\n' });
    expect(await ask('/readyz?verbose')).toEqual({ status: 200, text: 'ok\n' });
  });

  it('names what is missing and since when, until it is there', async () => {
    let missing: string | undefined = 'pods not read yet';
    await start({ ready: { synced: () => missing, lease: () => undefined } });
    const first = await ask('/readyz');
    expect(first.status).toBe(503);
    expect(first.text).toMatch(/^\[-\] synced failed since \d{4}-.*Z: pods not read yet\n\[\+\] lease ok\n$/);
    expect(await ask('/readyz')).toEqual(first);
    expect(await ask('/healthz')).toMatchObject({ status: 200 });
    missing = undefined;
    expect(await ask('/readyz')).toEqual({ status: 200, text: '[+] synced ok\n[+] lease ok\n' });
  });

  it('takes a check that throws for one that fails, and survives it', async () => {
    const broken = (): never => {
      throw new Error('a bug');
    };
    await start({ live: { broken }, metrics: { ...METRICS, metrics: async () => broken() } });
    expect(await ask('/healthz')).toMatchObject({ status: 503, text: expect.stringContaining('a bug') });
    expect(await ask('/metrics')).toEqual({ status: 500, text: 'a bug\n' });
  });

  it('gives the metrics of a registry, with their type', async () => {
    const registry = new Registry();
    new Gauge({ name: 'up', help: 'Whether it is.', registers: [registry] }).set(1);
    await start({ metrics: registry });
    const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    expect(response.headers.get('content-type')).toBe(registry.contentType);
    expect(await response.text()).toContain('up 1\n');
  });

  it.each([
    ['GET', '/', 404],
    ['GET', '/healthz/', 404],
    ['POST', '/healthz', 405],
    ['DELETE', '/nothing', 405],
    ['HEAD', '/metrics', 200],
  ])('answers %s %s with %s', async (method, path, status) => {
    await start();
    expect(await ask(path, method)).toMatchObject({ status });
  });

  it('says what to do where the port is taken', async () => {
    await start();
    const again = startHealthServer({
      port: server.port,
      host: '127.0.0.1',
      live: {},
      ready: {},
      metrics: METRICS,
    });
    await expect(again).rejects.toThrow(
      `Cannot listen on port ${server.port} for health checks: choose another with --health-port`,
    );
  });
});

it('gives what a registry has', async () => {
  const registry = new Registry();
  new Gauge({ name: 'up', help: 'Whether it is up', registers: [registry] }).set(1);
  await start({ metrics: registry });
  expect(await ask('/metrics')).toEqual({ status: 200, text: expect.stringContaining('\nup 1\n') });
});

describe('HealthServer.close()', () => {
  it('still answers what was asked', async () => {
    const asked = Promise.withResolvers<void>();
    const text = Promise.withResolvers<string>();
    const slow = (): Promise<string> => {
      asked.resolve();
      return text.promise;
    };
    await start({ metrics: { ...METRICS, metrics: slow } });
    const answer = ask('/metrics');
    await asked.promise;
    const closed = server.close();
    text.resolve('up 0\n');
    expect(await answer).toEqual({ status: 200, text: 'up 0\n' });
    await closed;
    await expect(ask('/healthz')).rejects.toThrow('fetch failed');
  });

  it('does not wait for who asks nothing', async () => {
    await start();
    const socket = connect(server.port, '127.0.0.1');
    const ended = new Promise((resolve) => socket.once('close', resolve).on('error', () => undefined));
    await new Promise((resolve) =>
      socket.once('connect', () => resolve(socket.write('GET /healthz HTTP/1.1\r\n'))),
    );
    await server.close();
    await ended;
    expect(socket.destroyed).toBe(true);
  });
});
