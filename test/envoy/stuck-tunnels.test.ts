// A client that does not read what it asked for costs little, whichever way it came in: what waits for it is bounded at
// each hop inside Envoy. With Envoy's own bounds, 1 MiB for each buffer, it is 4 to 7 MB.
import { connect, type Socket } from 'node:net';
import { MAX_CLIENT_HELLO_BYTES } from '../../operator/model/limits.ts';
import { memoryOf } from '../bench/process-usage.ts';
import { clientHello, helloFor, PADDING } from '../outside/client-hello.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const TUNNELS = 100;
/** The tunnel itself takes 50 to 115 KB. */
const MOST_KB = 350;
const QUIET_LOOKS = 100;
const NAME = 'endless.example.com';
const PORTS = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 5432, protocol: 'TCP' },
] as const;

let fixture: GatewayFixture;
const sockets: Socket[] = [];

beforeEach(async () => {
  fixture = await startGateway({
    names: [{ name: NAME, services: { 443: 'endless', 80: 'endless', 5432: 'endless' } }],
    files: {
      'lab.yaml': workspaceYaml('lab', allow([NAME], PORTS)),
      'trial.yaml': workspaceYaml('trial', { ...allow(['page.example.com']), ...DRY_RUN }),
    },
  });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fixture.stop();
});

const connectHead = (port: number): string => `CONNECT ${NAME}:${port} HTTP/1.1\r\nHost: a\r\n\r\n`;

test.each([
  ['TLS through CONNECT', () => fixture.client('lab').proxy, `${connectHead(443)}${helloFor(NAME)}`],
  ['transparent TLS', () => fixture.direct('lab', 443).address, helloFor(NAME)],
  ['any bytes through CONNECT', () => fixture.client('lab').proxy, `${connectHead(5432)}x`],
  ['plain HTTP', () => fixture.client('lab').proxy, `GET http://${NAME}/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['CONNECT in a dry-run', () => fixture.client('trial').proxy, `${connectHead(443)}${helloFor(NAME)}`],
])('%s', async (_way, place, says) => {
  const pid = fixture.gateway.envoyPid ?? 0;
  const before = await memoryOf(pid);
  await Promise.all(Array.from({ length: TUNNELS }, () => openUnread(place(), says)));
  const settledMb = await settledMemory(pid);
  expect(((settledMb - before.nowMb) * 1024) / TUNNELS).toBeLessThan(MOST_KB);
});

test.each([
  ['through CONNECT', () => fixture.client('lab').proxy, connectHead(443)],
  ['transparent', () => fixture.direct('lab', 443).address, ''],
])('the longest ClientHello fits into a buffer, however it is split: %s', async (_way, place, head) => {
  const base = clientHello({ names: [NAME], extensions: [[PADDING, Buffer.alloc(0)]] }).length;
  const padding = Buffer.alloc(MAX_CLIENT_HELLO_BYTES - base);
  const says = head + clientHello({ names: [NAME], extensions: [[PADDING, padding]] });
  for (const pieceBytes of [says.length, 1400, 100]) await openUnread(place(), says, pieceBytes);
});

/** When Envoy has taken nothing more in for a while. */
async function settledMemory(pid: number): Promise<number> {
  let [highestMb, plannedChecks] = [0, 0];
  await until('Envoy takes nothing more in', async () => {
    const { nowMb } = await memoryOf(pid);
    plannedChecks = nowMb > highestMb + 0.5 ? 0 : plannedChecks + 1;
    highestMb = Math.max(highestMb, nowMb);
    return plannedChecks >= QUIET_LOOKS;
  });
  return highestMb;
}

/** Resolves when something has come, of which no more is read. */
function openUnread(
  place: { readonly host: string; readonly port: number },
  says: string,
  pieceBytes = says.length,
): Promise<void> {
  const socket = connect({ ...place, noDelay: true });
  sockets.push(socket);
  return new Promise((resolve, reject) => {
    socket.on('error', reject).on('close', () => reject(new Error('closed')));
    socket.once('connect', () => {
      for (let at = 0; at < says.length; at += pieceBytes)
        socket.write(says.slice(at, at + pieceBytes), 'latin1');
    });
    socket.once('data', () => {
      socket.pause();
      resolve();
    });
  });
}
