// The gateway's name server beside dnsmasq and unbound, each with the same 2,500 names, and a bare echo in Node.js: how
// many answers per second it holds, and how long an answer takes at half of that rate, over UDP and TCP. Needs dnsperf.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOutsideServers } from '../outside/outside-servers.ts';
import { ANY_NAME, BenchFolder, destinationNames, WORKSPACE } from './bench-folder.ts';
import { type BenchReport, type BenchSettings, figure, type Target } from './bench-report.ts';
import type { Stoppable } from './contenders.ts';
import { type DnsLoad, type DnsTally, dnsCapacity, dnsTally, type Transport } from './dns-load.ts';
import { freePort } from './free-port.ts';
import { PEERS, PeerNameServer } from './peer-name-server.ts';
import { cpuSeconds } from './process-usage.ts';
import { SallyportProcess } from './sallyport-process.ts';
import { median, percentile } from './statistics.ts';
import type { Place } from './tunnel.ts';

const NAMES = 2500;
/** All questions come from one address, which otherwise may ask 1,000 a second. */
const UNLIMITED = ['--dns-questions', '1000000'];
const SECONDS = 3;
const ROUNDS = 5;
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
  /** Medians of the rounds at half of that rate. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsPerAnswer: number;
  readonly lost: number;
  readonly wrong: number;
}

export async function benchDns(settings: BenchSettings): Promise<BenchReport> {
  const outside = await startOutsideServers({ names: [{ name: ANY_NAME }], services: {} });
  const started: Stoppable[] = [outside];
  try {
    const names = destinationNames(NAMES);
    const folder = new BenchFolder(join(settings.work, 'folder'));
    await folder.create(names);
    settings.say('Starting the gateway and its peers');
    const state = join(settings.work, 'state');
    const gateway = new SallyportProcess({ folder: folder.path, state, outside, furtherOptions: UNLIMITED });
    started.push(gateway);
    await gateway.start();
    const place = await gateway.nameServer(WORKSPACE);
    const peers = await startPeers(outside.listenAddress, names, settings.work, started);
    const namesFile = join(settings.work, 'names.txt');
    await writeFile(namesFile, names.map((name) => `${name} A\n`).join(''));
    const findings: Finding[] = [];
    for (const transport of ['UDP', 'TCP'] as const) {
      // dnsmasq forks for each TCP connection, and the echo is for datagrams.
      const fitting = peers.filter(({ label }) => transport === 'UDP' || label === 'unbound');
      const contenders = [{ label: GATEWAY, place, pid: gateway.pid }, ...fitting];
      findings.push(...(await measureAll(contenders, { ...settings, transport, namesFile })));
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

interface Comparison extends BenchSettings {
  readonly transport: Transport;
  readonly namesFile: string;
}

interface Round {
  readonly tally: DnsTally;
  readonly cpuSeconds: number;
}

/** The contenders take turns, so that what else the machine does meets them all. */
async function measureAll(contenders: readonly Contender[], how: Comparison): Promise<readonly Finding[]> {
  const { transport, namesFile, isQuick, say } = how;
  const seconds = isQuick ? 1 : SECONDS;
  const loads = contenders.map(({ place }): DnsLoad => ({ place, transport, namesFile, seconds }));
  const capacities: number[] = [];
  say(`What they hold over ${transport}`);
  for (const load of loads) {
    // The first run is for the compiler.
    await dnsCapacity(load);
    capacities.push(await dnsCapacity(load));
  }
  const rounds: Round[][] = contenders.map(() => []);
  for (let round = 1; round <= (isQuick ? 1 : ROUNDS); round++) {
    say(`Half of that, round ${round} of ${ROUNDS}`);
    for (const [at, load] of loads.entries()) {
      const { pid } = contenders[at] as Contender;
      const before = await cpuSeconds(pid);
      const tally = await dnsTally(load, (capacities[at] ?? 0) / 2);
      rounds[at]?.push({ tally, cpuSeconds: (await cpuSeconds(pid)) - before });
    }
  }
  return contenders.map(({ label }, at) => ({
    label,
    transport,
    capacity: capacities[at] ?? 0,
    ...summary(rounds[at] ?? []),
  }));
}

function summary(rounds: readonly Round[]): Omit<Finding, 'label' | 'transport' | 'capacity'> {
  const typical = (figureOf: (round: Round) => number): number => median(rounds.map(figureOf));
  const total = (figureOf: (round: Round) => number): number =>
    rounds.reduce((sum, round) => sum + figureOf(round), 0);
  return {
    p50Ms: typical(({ tally }) => percentile(tally.latenciesMs, 50)),
    p99Ms: typical(({ tally }) => percentile(tally.latenciesMs, 99)),
    cpuUsPerAnswer:
      (total((round) => round.cpuSeconds) * 1e6) / total(({ tally }) => tally.latenciesMs.length),
    lost: total(({ tally }) => tally.lost),
    wrong: total(({ tally }) => tally.wrong),
  };
}

function report(findings: readonly Finding[]): BenchReport {
  const own = findings.filter(({ label }) => label === GATEWAY);
  const wrong = findings.reduce((sum, finding) => sum + finding.wrong, 0);
  return {
    tables: [
      {
        title: `A records of ${NAMES} names; at half of the rate that is held, medians of the rounds`,
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
      { kind: 'promise', text: 'every answer is one', found: `${wrong} wrong`, isMet: wrong === 0 },
    ],
    figures: { names: NAMES, findings },
  };
}
