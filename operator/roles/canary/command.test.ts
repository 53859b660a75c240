import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCanaryConfig } from '../../canary-config.ts';
import { parseCanaryResult } from '../../model/canary-result.ts';
import { canaryCommand } from './command.ts';

let folder: string;
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-canary-'));
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true });
});

/** Port of a server that closes after so many connections. */
async function listen(host: string, connections = Number.POSITIVE_INFINITY): Promise<number> {
  let count = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined).end();
    count += 1;
    if (count >= connections) server.close();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const port = await listen('127.0.0.1');
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return port;
}

it('leaves what it found of real servers, over IPv4 and IPv6', async () => {
  const allowed = [`127.0.0.1:${await listen('127.0.0.1')}`, `[::1]:${await listen('::1')}`];
  const [shut, open, late] = [await closedPort(), await listen('127.0.0.1'), await listen('::1', 2)];
  const denied = [`127.0.0.1:${open}`, `127.0.0.1:${shut}`, `[::1]:${late}`];
  const result = join(folder, 'message');
  expect(await canaryCommand({ allowed, denied, result })).toBe(0);
  const found = parseCanaryResult(await readFile(result, 'utf8'));
  expect(found?.allowed).toEqual(allowed.map((target) => ({ target, isOpen: true })));
  expect(found?.denied).toEqual([
    { target: denied[0], isOpen: true, openForMs: expect.any(Number) },
    { target: denied[1], isOpen: false, openForMs: 0 },
    { target: denied[2], isOpen: false, openForMs: expect.any(Number) },
  ]);
  expect(found?.denied[2]?.openForMs).toBeGreaterThan(0);
}, 60_000);

it.each([
  [{ allowed: [], denied: ['127.0.0.1:1'] }, '--allowed: Cannot do without'],
  [{ allowed: ['127.0.0.1:1'], denied: [] }, '--denied: Cannot do without'],
  [{ allowed: ['127.0.0.1'], denied: ['127.0.0.1:1'] }, '--allowed: Cannot accept "127.0.0.1"'],
  [{ allowed: ['127.0.0.1:1'], denied: ['a.example:1'] }, '--denied: Cannot accept address "a.example"'],
])('rejects %j', (targets, sentence) => {
  expect(() => readCanaryConfig({ ...targets, result: 'none' })).toThrow(sentence);
});
