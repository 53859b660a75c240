// An Envoy with little memory outlives clients that would use up all of it: near the end it refuses what is new, with rows and a
// word, while what is open goes on; and takes new requests when there is room again.
import { connect, type Socket } from 'node:net';
import { memoryOf } from '../bench/process-usage.ts';
import { until } from '../fixtures/envoy-fixture.ts';
import { helloFor } from '../outside/client-hello.ts';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from './gateway-fixture.ts';
import { allow, workspaceYaml } from './workspace-yaml.ts';

const MEMORY_MB = 96;
/** Each of them takes more than 100 KB. */
const TUNNELS = 2000;
const AT_ONCE = 32;
/** Envoy's program itself, and what came between two looks. Without a bound the tunnels alone would take twice the memory. */
const MORE_MB = 100;
const ENDLESS = 'endless.example.com';
const ECHO = 'echo.example.com';
const PORTS = [
  { port: 443, protocol: 'TLS' },
  { port: 5432, protocol: 'TCP' },
] as const;

let fixture: GatewayFixture;
const sockets: Socket[] = [];

beforeAll(async () => {
  fixture = await startGateway({
    names: [
      { name: ENDLESS, services: { 443: 'endless' } },
      { name: ECHO, services: { 5432: 'echo' } },
      { name: 'page.example.com' },
    ],
    files: {
      'greedy.yaml': workspaceYaml('greedy', allow([ENDLESS])),
      'modest.yaml': workspaceYaml('modest', allow([ECHO, 'page.example.com'], PORTS)),
    },
    envoyMemoryMb: MEMORY_MB,
  });
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await fixture.stop();
});

/** Whether it was sent anything but a refusal. */
function isServed(place: { readonly host: string; readonly port: number }, says: string): Promise<boolean> {
  const socket = connect({ ...place, noDelay: true });
  sockets.push(socket);
  socket.write(says, 'latin1');
  return new Promise((resolve) => {
    socket.on('error', () => undefined).on('close', () => resolve(false));
    socket.once('data', (came) => {
      socket.pause();
      resolve(!came.includes(' 503 '));
    });
  });
}

async function fill(place: { readonly host: string; readonly port: number }, says: string): Promise<number> {
  let [left, refused] = [TUNNELS, 0];
  const open = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      if (!(await isServed(place, says))) refused += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, open));
  return refused;
}

const overloads = (): number =>
  fixture.denials
    .filter(({ reason }) => reason === 'GATEWAY_OVERLOADED')
    .reduce((sum, { repeats }) => sum + repeats, 0);

const connectHead = (authority: string): string => `CONNECT ${authority} HTTP/1.1\r\nHost: a\r\n\r\n`;

test.each([
  [
    'through CONNECT',
    () => fixture.client('greedy').proxy,
    `${connectHead(`${ENDLESS}:443`)}${helloFor(ENDLESS)}`,
  ],
  ['transparent', () => fixture.direct('greedy', 443).address, helloFor(ENDLESS)],
])('more tunnels than there is memory for: %s', async (_way, place, says) => {
  const pid = fixture.gateway.envoyPid ?? 0;
  const open = connect({ ...fixture.client('modest').proxy, noDelay: true });
  open.write(`${connectHead(`${ECHO}:5432`)}before`);
  await until('the tunnel is open', () => String(open.read() ?? '').includes('200'));
  const before = overloads();

  const refused = await fill(place(), says);
  expect(refused).toBeGreaterThan(0);
  open.write('meanwhile');
  let heard = '';
  open.on('data', (chunk) => (heard += String(chunk)));
  await until('what is open goes on', () => heard.includes('meanwhile'));
  open.destroy();
  await until('each refusal is in a row', () => overloads() - before >= refused);
  expect(overloads() - before).toBe(refused);
  const stops = `Envoy reached 95 % of its memory (${MEMORY_MB} MB): stops accepting requests`;
  await until('it is told', () => fixture.failures.includes(stops));
  expect((await memoryOf(pid)).nowMb).toBeLessThan(MEMORY_MB + MORE_MB);

  for (const socket of sockets.splice(0)) socket.destroy();
  const url = 'https://page.example.com/';
  await until('there is room again', async () => {
    return (await ask({ ...fixture.client('modest'), url })).outcome === 'ok';
  });
  expect(fixture.gateway.envoyPid).toBe(pid);
  await until('that is told, too', () => fixture.failures.at(-1)?.includes('below') === true);
});
