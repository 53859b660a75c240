// The gateway's name server beside dnsmasq and unbound, each with the same 2,500 names: how many answers per second it
// holds, and how long an answer takes at half of that rate, over UDP and TCP.
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { startOutsideWorld } from '../outside/outside-world.ts';
import { ANY_NAME, BenchFolder, destinationNames, WORKSPACE } from './bench-folder.ts';
import { type BenchReport, type BenchSettings, figure, type Target } from './bench-report.ts';
import type { Stoppable } from './contenders.ts';
import type { DnsRun, DnsTally, Transport } from './dns-worker.ts';
import { freePort } from './free-port.ts';
import { PEERS, PeerNameServer } from './peer-name-server.ts';
import { cpuSeconds } from './process-usage.ts';
import { SallyportProcess } from './sallyport-process.ts';
import { percentile } from './statistics.ts';
import type { Place } from './tunnel.ts';

const NAMES = 2500;
/** As many pods; each stays below what one source may ask. */
const SOURCES = 500;
const RUN_MS = 4000;
const P99_WANTED_MS = 1;
const GATEWAY = 'gateway';

interface Contender {
  readonly label: string;
  readonly place: Place;
  readonly pid: number;
}

interface Finding {
  readonly label: string;
  readonly transport: Transport;
  /** Answers per second, as fast as they come. */
  readonly capacity: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsPerAnswer: number;
  readonly lost: number;
  readonly wrong: number;
}

export async function benchDns(settings: BenchSettings): Promise<BenchReport> {
  const world = await startOutsideWorld({ names: [{ name: ANY_NAME }], services: {} });
  const started: Stoppable[] = [world];
  try {
    const names = destinationNames(NAMES);
    const folder = new BenchFolder(join(settings.work, 'folder'));
    await folder.create(names);
    settings.say('Starting the gateway and its peers');
    const gateway = new SallyportProcess({ folder: folder.path, state: join(settings.work, 'state'), world });
    started.push(gateway);
    await gateway.start();
    const place = await gateway.nameServer(WORKSPACE);
    const peers = await startPeers(world.listenAddress, names, settings.work, started);
    const worker = new Worker(new URL('./dns-worker.ts', import.meta.url));
    started.push({ stop: async () => void (await worker.terminate()) });
    const findings: Finding[] = [];
    for (const transport of ['UDP', 'TCP'] as const) {
      // dnsmasq forks for each TCP connection, and takes 20 of them.
      const fitting = peers.filter(({ label }) => transport === 'UDP' || label !== 'dnsmasq');
      for (const contender of [{ label: GATEWAY, place, pid: gateway.pid }, ...fitting]) {
        settings.say(`${contender.label}, ${transport}`);
        findings.push(await measure(worker, contender, { transport, names, isQuick: settings.isQuick }));
      }
    }
    return report(findings);
  } finally {
    for (const part of started.toReversed()) await part.stop();
  }
}

async function startPeers(
  host: string,
  names: readonly string[],
  work: string,
  started: Stoppable[],
): Promise<readonly Contender[]> {
  const contenders: Contender[] = [];
  for (const peer of PEERS) {
    const place = { host, port: await freePort(host) };
    const server = await PeerNameServer.start({ peer, place, names, address: '192.0.2.1', folder: work });
    if (server === undefined) continue;
    started.push(server);
    contenders.push({ label: peer, place, pid: server.pid });
  }
  return contenders;
}

interface Load {
  readonly transport: Transport;
  readonly names: readonly string[];
  readonly isQuick: boolean;
}

async function measure(
  worker: Worker,
  { label, place, pid }: Contender,
  { transport, names, isQuick }: Load,
): Promise<Finding> {
  const durationMs = isQuick ? RUN_MS / 10 : RUN_MS;
  const run: DnsRun = { place, transport, names, durationMs, sources: SOURCE_ADDRESSES };
  await tallyOf(worker, run);
  const full = await tallyOf(worker, run);
  const capacity = (full.latenciesMs.length * 1000) / durationMs;
  const before = await cpuSeconds(pid);
  const half = await tallyOf(worker, { ...run, perSecond: capacity / 2 });
  const cpu = (await cpuSeconds(pid)) - before;
  return {
    label,
    transport,
    capacity,
    p50Ms: percentile(half.latenciesMs, 50),
    p99Ms: percentile(half.latenciesMs, 99),
    cpuUsPerAnswer: (cpu * 1e6) / half.latenciesMs.length,
    lost: half.lost,
    wrong: full.wrong + half.wrong,
  };
}

/** 127.200.0.1 and on. */
const SOURCE_ADDRESSES = Array.from(
  { length: SOURCES },
  (_, at) => `127.200.${Math.floor(at / 250)}.${(at % 250) + 1}`,
);

async function tallyOf(worker: Worker, run: DnsRun): Promise<DnsTally> {
  worker.postMessage(run);
  const [tally] = (await once(worker, 'message')) as [DnsTally];
  return tally;
}

function report(findings: readonly Finding[]): BenchReport {
  const own = findings.filter(({ label }) => label === GATEWAY);
  const wrong = findings.reduce((sum, finding) => sum + finding.wrong, 0);
  return {
    tables: [
      {
        title: `A records of ${NAMES} names, asked from ${SOURCES} addresses; times at half of the rate that is held`,
        head: ['', '', 'ANSWERS/S', 'P50 MS', 'P99 MS', 'CPU US/ANSWER', 'LOST', 'WRONG'],
        rows: findings.map((one) => [
          one.label,
          one.transport,
          ...[one.capacity, one.p50Ms, one.p99Ms, one.cpuUsPerAnswer].map(figure),
          String(one.lost),
          String(one.wrong),
        ]),
      },
    ],
    targets: [
      ...own.map(
        ({ transport, p99Ms }): Target => ({
          kind: 'wish',
          text: `p99 over ${transport}, ms: below ${P99_WANTED_MS}`,
          found: figure(p99Ms),
          isMet: p99Ms < P99_WANTED_MS,
        }),
      ),
      { kind: 'promise', text: 'every answer has an address', found: `${wrong} wrong`, isMet: wrong === 0 },
    ],
    figures: { names: NAMES, sources: SOURCES, findings },
  };
}
