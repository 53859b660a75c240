// `npm run bench -- NAME`: runs one benchmark and prints its results; without a name it lists them.
// Speed and memory are compared with peers in the same run. Nothing here is part of the tests.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import {
  type Bench,
  type BenchLoad,
  type BenchReport,
  type BenchSettings,
  formatReport,
  joined,
} from './bench-report.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  connect: {
    description: 'tunnels per second and CPU, beside Squid; 10 against 2,500 destinations (about 2 minutes)',
    run: async (settings) => (await import('./connect.ts')).benchConnect(settings),
  },
  change: {
    description: 'a changed file of 2,500 destinations until it decides, and memory (about 1 minute)',
    run: async (settings) => (await import('./change.ts')).benchChange(settings),
  },
  middle: {
    description: 'what 1,000 workspaces take to compute: cold, after one changed policy (a few seconds)',
    run: async (settings) => (await import('./middle.ts')).benchMiddle(settings),
  },
  propagation: {
    description:
      'a changed policy in a cluster until Envoy decides by it; 1 and 1,000 workspaces (about 4 minutes)',
    run: async (settings) => (await import('./propagation.ts')).benchPropagation(settings),
  },
  scale: {
    description: 'the two that follow, one after the other (about 9 minutes; root)',
    run: async (settings) =>
      joined({ operator: await operatorScale(settings), gateway: await gatewayScale(settings) }),
  },
  'operator-scale': {
    description: 'the operator with 1,000 workspaces and 10,000 pods: start, rest, memory (about 4 minutes)',
    run: operatorScale,
  },
  'gateway-scale': {
    description:
      'one gateway with 1,000 and 1,500 workspaces: start, each kind of change, memory (about 5 minutes; root)',
    run: gatewayScale,
  },
  dns: {
    description:
      'answers of the name server beside dnsmasq and unbound, UDP and TCP; needs dnsperf (about 2 minutes)',
    run: async (settings) => (await import('./dns.ts')).benchDns(settings),
  },
  'stuck-tunnels': {
    description: '4,096 tunnels of clients that do not read: memory, and another workspace (about 3 minutes)',
    run: async (settings) => (await import('./stuck-tunnels.ts')).benchStuckTunnels(settings),
  },
  ingress: {
    description:
      'IP access lists of 1,000 ranges against one, beside nginx; decideIngress() (about 2 minutes)',
    run: async (settings) => (await import('./ingress.ts')).benchIngress(settings),
  },
  rest: {
    description:
      'a list changed over REST until the gateway obeys, 200 workspaces; 200 clients (about 4 minutes)',
    run: async (settings) => (await import('./rest.ts')).benchRest(settings),
  },
  denials: {
    description: 'the four that follow, one after the other (about 20 minutes)',
    run: async (settings) =>
      joined({
        flow: await denialsFlow(settings),
        outage: await denialsOutage(settings),
        kills: await denialsKills(settings),
        queries: await denialsQueries(settings),
      }),
  },
  'denials-flow': {
    description:
      '20,000 denials a second (--rate) for 60 s (--seconds) into one collector: all stored, lag, memory',
    run: denialsFlow,
  },
  'denials-outage': {
    description: 'the collector is away for 600 s (--outage) at 5,000 denials a second: all stored, catch-up',
    run: denialsOutage,
  },
  'denials-kills': {
    description: 'the collector is killed again and again for 60 s (--seconds): all stored',
    run: denialsKills,
  },
  'denials-queries': {
    description: '10 million rows (--rows) in a collector: queries of administrators and of others, memory',
    run: denialsQueries,
  },
  'denials-run': {
    description: '50,000 denials of "sallyport run" through rotations and a kill: none lost (about 1 minute)',
    run: async (settings) => (await import('./denials-run.ts')).benchDenialsOfRun(settings),
  },
  flood: {
    description: 'denials with Hosts of 29 kB: another workspace beside them, size, count (about 2 minutes)',
    run: async (settings) => (await import('./flood.ts')).benchFlood(settings),
  },
};

async function denialsFlow(settings: BenchSettings): Promise<BenchReport> {
  return (await import('./denials-shipped.ts')).benchFlow(settings);
}

async function denialsOutage(settings: BenchSettings): Promise<BenchReport> {
  return (await import('./denials-shipped.ts')).benchOutage(settings);
}

async function denialsKills(settings: BenchSettings): Promise<BenchReport> {
  return (await import('./denials-shipped.ts')).benchKills(settings);
}

async function denialsQueries(settings: BenchSettings): Promise<BenchReport> {
  return (await import('./denials-queries.ts')).benchQueries(settings);
}

async function operatorScale(settings: BenchSettings): Promise<BenchReport> {
  return (await import('./operator-scale.ts')).benchOperatorScale(settings);
}

async function gatewayScale(settings: BenchSettings): Promise<BenchReport> {
  return (await import('./gateway-scale.ts')).benchGatewayScale(settings);
}

interface Options extends BenchLoad {
  readonly out?: string;
  readonly quick?: boolean;
}

const list = Object.entries(BENCHES).map(([name, { description }]) => `  ${name.padEnd(16)}${description}`);

const program = new Command('npm run bench --')
  .description('Measures speed and memory beside peers in the same run')
  .argument('[name]', 'benchmark to run; without it they are listed')
  .option('--out <file>', 'write the figures as JSON, too')
  .option('--quick', 'a tenth of the load, to see whether everything works')
  .option('--seconds <n>', 'of denials-flow and denials-kills: how long', Number)
  .option('--rate <n>', 'of denials-flow: denials a second', Number)
  .option('--outage <n>', 'of denials-outage: seconds', Number)
  .option('--rows <n>', 'of denials-queries: rows in the log', Number)
  .addHelpText('after', `\nBenchmarks:\n${list.join('\n')}`)
  .action(runByName);

await program.parseAsync(process.argv);

async function runByName(name: string | undefined, options: Options): Promise<void> {
  const bench = name === undefined ? undefined : BENCHES[name];
  if (name === undefined || bench === undefined) {
    if (name !== undefined) process.stderr.write(`Cannot find benchmark "${name}": choose one of these\n`);
    process.stdout.write(`${list.join('\n')}\n`);
    process.exitCode = name === undefined ? 0 : 2;
    return;
  }
  process.exitCode = await runBench(name, bench, options);
}

/** Status 1 where it could not be run or a promise was broken; a wish that was missed is no failure. */
async function runBench(
  name: string,
  bench: Bench,
  { out, quick = false, ...load }: Options,
): Promise<number> {
  const work = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const loadBefore = loadavg()[0];
  try {
    const report = await bench.run({ work, say, isQuick: quick, load });
    const machine = { cores: availableParallelism(), loadBefore, loadAfter: loadavg()[0] };
    process.stdout.write(`${formatReport(report)}\n`);
    process.stdout.write(
      `\n${machine.cores} cores, load ${loadBefore?.toFixed(1)} before and ${machine.loadAfter?.toFixed(1)} after\n`,
    );
    const { figures, targets } = report;
    if (out !== undefined)
      await writeFile(out, `${JSON.stringify({ bench: name, quick, machine, figures, targets }, null, 2)}\n`);
    return targets.some(({ kind, isMet }) => kind === 'promise' && !isMet) ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
