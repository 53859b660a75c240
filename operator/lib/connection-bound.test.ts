import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { array, assert, asyncProperty, constantFrom, nat, option } from 'fast-check';
import { until } from '../../test/support/until.ts';
import { boundConnections } from './connection-bound.ts';
import { type HealthServer, startHealthServer } from './health-server.ts';

const SEED = 81;
const MOST = 8;
const ADDRESSES = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
const FLOOD = 2000;
/** Of the health server. */
const BOUND = 256;
const KUBELET = '127.0.0.1';
const STRANGER = '127.0.0.9';

const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

function open(port: number, localAddress: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.add(socket);
  // One that does not read would not see its end.
  return socket
    .resume()
    .on('error', () => undefined)
    .on('close', () => sockets.delete(socket));
}

async function listening(most: number): Promise<Server> {
  const server = createServer();
  boundConnections(server, { most });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Addresses open one after the other; each outcome is which of all are closed then. */
async function opened(addresses: readonly string[]): Promise<readonly (readonly [string, boolean])[]> {
  const server = await listening(MOST);
  const accepted: Socket[] = [];
  server.on('connection', (socket: Socket) => accepted.push(socket));
  for (const address of addresses) {
    const seen = once(server, 'connection');
    open(portOf(server), address);
    await seen;
  }
  const found = addresses.map((address, index) => [address, accepted[index]?.destroyed === true] as const);
  for (const socket of accepted) socket.destroy();
  server.close();
  return found;
}

it('takes connections from those who hold most, and no more than it must', async () => {
  const order = array(nat(ADDRESSES.length - 1), { minLength: MOST + 1, maxLength: 60 });
  await assert(
    asyncProperty(order, async (indices) => {
      const found = await opened(indices.map((index) => ADDRESSES[index] ?? ''));
      const left = found.filter(([, isClosed]) => !isClosed).map(([address]) => address);
      expect(left).toHaveLength(MOST);
      const heldBy = (all: readonly string[], address: string): number =>
        all.filter((one) => one === address).length;
      const most = Math.max(...ADDRESSES.map((address) => heldBy(left, address)));
      const asked = found.map(([address]) => address);
      for (const address of ADDRESSES) {
        const lost = heldBy(asked, address) - heldBy(left, address);
        if (lost > 0) expect(heldBy(left, address)).toBeGreaterThanOrEqual(most - 1);
      }
    }),
    { seed: SEED, numRuns: 60 },
  );
});

/** Each begins, and says who it is or does not; each outcome is whether it is closed when all have begun. */
async function begun(callers: readonly (string | undefined)[]): Promise<readonly boolean[]> {
  const server = createServer();
  const { accept } = boundConnections(server, { most: MOST, unacceptedMs: 60_000 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const taken: Socket[] = [];
  for (const caller of callers) {
    const seen = once(server, 'connection') as Promise<[Socket]>;
    open(portOf(server), '127.0.0.1');
    const [socket] = await seen;
    taken.push(socket);
    if (caller !== undefined) accept(socket, caller);
  }
  const closed = taken.map(({ destroyed }) => destroyed);
  for (const socket of taken) socket.destroy();
  server.close();
  return closed;
}

it('ends connections without a caller first, oldest first', async () => {
  const strangers = Array.from({ length: 2 * MOST }, () => undefined);
  const closed = await begun(['a', 'a', ...strangers]);
  const left = MOST - 2;
  expect(closed).toEqual([false, false, ...strangers.map((_, at) => at < strangers.length - left)]);
});

it('lets in every newcomer of one address, at the cost of whoever has most', async () => {
  const whose = array(option(constantFrom('a', 'b', 'c'), { nil: undefined }), {
    ...{ minLength: MOST + 1, maxLength: 40, size: 'max' as const },
  });
  await assert(
    asyncProperty(whose, async (callers) => {
      const closed = await begun(callers);
      expect(closed.at(-1)).toBe(false);
      expect(closed.filter((isClosed) => !isClosed)).toHaveLength(MOST);
      const countOf = (caller: string, isClosed: boolean): number =>
        callers.filter((one, at) => one === caller && closed[at] === isClosed).length;
      const left = ['a', 'b', 'c'].map((caller) => countOf(caller, false));
      // It is not known yet that the newest is of that caller, too.
      for (const [at, caller] of ['a', 'b', 'c'].entries())
        if (countOf(caller, true) > 0) expect(left[at]).toBeGreaterThanOrEqual(Math.max(...left) - 2);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

describe('the health server in a flood of another address', () => {
  let server: HealthServer;
  let isReleased = false;

  beforeEach(async () => {
    isReleased = false;
    server = await startHealthServer({
      port: 0,
      host: '127.0.0.1',
      live: {},
      ready: {},
      waits: { '/wait': ended },
      metrics: { contentType: 'text/plain', metrics: async () => 'up 1\n' },
    });
  });

  afterEach(() => server.close());

  async function ended(isAwaited: () => boolean): Promise<string> {
    while (!isReleased && isAwaited()) await new Promise(setImmediate);
    return 'ended\n';
  }

  /** As the kubelet asks: every time by a new connection. */
  function ask(path: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: server.port, path, localAddress: KUBELET, agent: false }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      }).once('error', reject);
    });
  }

  it.each([
    ['that hang', 'GET /wait HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['that never end', 'GET /metrics HTTP/1.1\r\nhost: x\r\n'],
    ['that have hardly begun', 'G'],
    ['of metrics, many on each connection', 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(5)],
  ])('answers the kubelet while thousands of requests %s come', async (_, request) => {
    const waits = ask('/wait');
    let begun = 0;
    const flood = async (): Promise<void> => {
      const socket = open(server.port, STRANGER);
      await once(socket, 'connect').catch(() => undefined);
      socket.write(request);
      begun++;
    };
    const flooding = Promise.all(Array.from({ length: FLOOD }, flood));
    const probes: (number | undefined)[] = [];
    while (begun < FLOOD || probes.length < 20) {
      probes.push(await ask('/readyz'), await ask('/healthz'));
    }
    await flooding;
    await until('no more are open than may be', () => sockets.size <= BOUND);
    expect(probes.filter((status) => status !== 200)).toEqual([]);
    expect(probes.length).toBeGreaterThanOrEqual(20);
    isReleased = true;
    expect(await waits).toBe(200);
  });
});
