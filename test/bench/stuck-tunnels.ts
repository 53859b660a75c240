// Clients that do not read their answers: as many tunnels of one workspace as a port takes, on each way in. What
// Envoy needs of memory, how another workspace is served meanwhile, and how fast one client is that does read.
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { helloFor } from '../outside/client-hello.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { ANY_NAME, destinationNames } from './bench-folder.ts';
import { type BenchReport, type BenchSettings, figure } from './bench-report.ts';
import type { Stoppable } from './contenders.ts';
import { cpuSeconds, memoryOf } from './process-usage.ts';
import { atMost } from './propagation-report.ts';
import { SallyportProcess } from './sallyport-process.ts';
import { percentile } from './statistics.ts';
import type { StuckAnswer, StuckRequest } from './stuck-clients.ts';
import type { Place } from './tunnel.ts';
import { TunnelLoad } from './tunnel-load.ts';

const TUNNELS = 4096;
const READ_MS = 3000;
const OTHERS_MS = 8000;
const OTHER_CLIENTS = 4;
const ENDLESS = '*.endless.example';
const ENDLESS_NAME = 'a.endless.example';
const PORTS = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 5432, protocol: 'TCP' },
] as const;
const SERVICES = { 443: 'endless', 80: 'endless', 5432: 'endless' } as const;

const MEMORY_WANTED_MB = 600;
const SLOWER_WANTED = 3;

interface Found {
  readonly way: string;
  readonly tunnels: number;
  readonly envoyMb: number;
  readonly kbPerTunnel: number;
  /** Of one client that reads. */
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGb: number;
  /** Of another workspace, with nobody else and beside the tunnels. */
  readonly idleP99Ms: number;
  readonly besideP99Ms: number;
  readonly othersFailed: number;
}

export async function benchStuckTunnels({ work, say, isQuick }: BenchSettings): Promise<BenchReport> {
  const outside = await startOutsideServers({
    names: [{ name: ANY_NAME }, { name: ENDLESS, services: SERVICES }],
    services: {},
  });
  const started: Stoppable[] = [outside];
  try {
    const load = await TunnelLoad.start({ originAddress: outside.addressOf(ANY_NAME), names: ANY_NAME });
    started.push(load);
    const found: Found[] = [];
    for (const way of Object.keys(WAYS)) {
      say(`${way}: tunnels that nobody reads from`);
      const scene = { outside, load, directory: join(work, way.replaceAll(/\W+/g, '-')) };
      found.push(await measure(way, scene, isQuick ? TUNNELS / 16 : TUNNELS));
    }
    return report(found);
  } finally {
    for (const part of started.toReversed()) await part.stop();
  }
}

/** What a client says, and to which listener. */
const WAYS: Readonly<Record<string, { readonly to: 'proxy' | 'tls'; readonly says: string }>> = {
  'CONNECT, TLS': { to: 'proxy', says: `${connectHead(443)}${helloFor(ENDLESS_NAME)}` },
  'transparent TLS': { to: 'tls', says: helloFor(ENDLESS_NAME) },
  'CONNECT, any bytes': { to: 'proxy', says: `${connectHead(5432)}x` },
  'plain HTTP': {
    to: 'proxy',
    says: `GET http://${ENDLESS_NAME}/ HTTP/1.1\r\nHost: ${ENDLESS_NAME}\r\n\r\n`,
  },
};

function connectHead(port: number): string {
  return `CONNECT ${ENDLESS_NAME}:${port} HTTP/1.1\r\nHost: ${ENDLESS_NAME}:${port}\r\n\r\n`;
}

interface Scene {
  readonly outside: OutsideServers;
  readonly load: TunnelLoad;
  readonly directory: string;
}

/** An Envoy of its own for each way, since memory that was needed once is not given back. */
async function measure(way: string, scene: Scene, tunnels: number): Promise<Found> {
  const sallyport = await startSallyport(scene);
  const clients = new Worker(new URL('./stuck-clients.ts', import.meta.url));
  try {
    const pid = await sallyport.envoyPid();
    const { to, says } = WAYS[way] ?? { to: 'proxy', says: '' };
    const target = await sallyport[to]('greedy');
    const fast = await readFast(clients, { target, says, connections: 1, readMs: READ_MS }, pid);
    const others = { target: await sallyport.proxy('modest'), load: scene.load };
    const idle = await serveOthers(others);
    const before = await memoryOf(pid);
    const { served } = await ask(clients, { target, says, connections: tunnels });
    await settled(pid);
    const beside = await serveOthers(others);
    const { nowMb } = await memoryOf(pid);
    return {
      way,
      tunnels: served,
      envoyMb: nowMb,
      kbPerTunnel: ((nowMb - before.nowMb) * 1024) / served,
      ...fast,
      idleP99Ms: idle.p99Ms,
      besideP99Ms: beside.p99Ms,
      othersFailed: idle.failed + beside.failed,
    };
  } finally {
    await clients.terminate();
    await sallyport.stop();
  }
}

async function startSallyport({ outside, directory }: Scene): Promise<SallyportProcess> {
  const folder = join(directory, 'folder');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'greedy.yaml'), workspaceYaml('greedy', allow([ENDLESS], PORTS)));
  await writeFile(join(folder, 'modest.yaml'), workspaceYaml('modest', allow([ANY_NAME])));
  const sallyport = new SallyportProcess({ folder, state: join(directory, 'state'), outside });
  await sallyport.start();
  return sallyport;
}

async function ask(clients: Worker, request: StuckRequest): Promise<StuckAnswer> {
  clients.postMessage(request);
  const [answer] = (await once(clients, 'message')) as [StuckAnswer];
  return answer;
}

async function readFast(
  clients: Worker,
  request: StuckRequest,
  pid: number,
): Promise<Pick<Found, 'megabytesPerSecond' | 'cpuSecondsPerGb'>> {
  const before = await cpuSeconds(pid);
  const { bytesPerSecond } = await ask(clients, request);
  const used = (await cpuSeconds(pid)) - before;
  return {
    megabytesPerSecond: bytesPerSecond / 1e6,
    cpuSecondsPerGb: used / ((bytesPerSecond * READ_MS) / 1e12),
  };
}

async function serveOthers({ target, load }: { readonly target: Place; readonly load: TunnelLoad }) {
  const { latenciesMs, failed } = await load.run({
    target,
    isProxy: true,
    names: destinationNames(10),
    clients: OTHER_CLIENTS,
    durationMs: OTHERS_MS,
  });
  return { p99Ms: percentile(latenciesMs, 99), failed };
}

/** Until Envoy takes nothing more in. */
async function settled(pid: number): Promise<void> {
  for (let [before, now] = [0, (await memoryOf(pid)).nowMb]; now - before > 1; ) {
    await delay(1000);
    [before, now] = [now, (await memoryOf(pid)).nowMb];
  }
}

function report(found: readonly Found[]): BenchReport {
  const [first] = found;
  const slower = found.map(({ besideP99Ms, idleP99Ms }) => besideP99Ms / idleP99Ms);
  const failed = found.reduce((sum, { othersFailed }) => sum + othersFailed, 0);
  return {
    tables: [
      {
        title: 'Tunnels whose clients do not read, and another workspace beside them',
        head: [
          '',
          'TUNNELS',
          'ENVOY MB',
          'KB/TUNNEL',
          'ONE READS, MB/S',
          'CPU S/GB',
          'OTHERS P99 MS',
          'ALONE',
        ],
        rows: found.map((one) => [
          one.way,
          ...[one.tunnels, one.envoyMb, one.kbPerTunnel, one.megabytesPerSecond].map(figure),
          ...[one.cpuSecondsPerGb, one.besideP99Ms, one.idleP99Ms].map(figure),
        ]),
      },
    ],
    targets: [
      atMost('memory of Envoy with TLS through CONNECT, MB', first?.envoyMb ?? Number.NaN, MEMORY_WANTED_MB),
      atMost('p99 of another workspace, times that without them', Math.max(...slower), SLOWER_WANTED),
      {
        kind: 'promise',
        text: 'every tunnel of others works',
        found: `${failed} failed`,
        isMet: failed === 0,
      },
    ],
    figures: { found },
  };
}
