// Setting up tunnels: through the gateway with 2,500 and with 10 destinations, through Squid with the same 2,500, and
// without a proxy. All of them run at the same time and take turns, so that noise of the machine affects all alike.
import { startOutsideServers } from '../outside/outside-servers.ts';
import { ANY_NAME } from './bench-folder.ts';
import type { BenchReport, BenchSettings } from './bench-report.ts';
import { connectReport, type Sample, type Samples } from './connect-report.ts';
import { type Contender, type Stoppable, startContenders, usedNames } from './contenders.ts';
import { cpuSeconds, memoryOf } from './process-usage.ts';
import { squidVersion } from './squid-proxy.ts';
import { TunnelLoad } from './tunnel-load.ts';

const CLIENTS = 16;
/** Many short bursts, since the noise of a shared machine comes and goes within seconds. */
const ROUNDS = 24;
const BURST_MS = 1000;

export async function benchConnect(settings: BenchSettings): Promise<BenchReport> {
  const outside = await startOutsideServers({ names: [{ name: ANY_NAME }], services: {} });
  const started: Stoppable[] = [outside];
  try {
    const load = await TunnelLoad.start({ originAddress: outside.addressOf(ANY_NAME), names: ANY_NAME });
    started.push(load);
    const contenders = await startContenders(outside, settings, started);
    const samples = await takeTurns(load, contenders, settings);
    return connectReport({
      samples,
      memoryMb: await memory(contenders),
      squid: await squidVersion(),
      clients: CLIENTS,
    });
  } finally {
    for (const part of started.toReversed()) await part.stop();
  }
}

async function takeTurns(
  load: TunnelLoad,
  contenders: readonly Contender[],
  settings: BenchSettings,
): Promise<Samples> {
  const burstMs = settings.isQuick ? BURST_MS / 10 : BURST_MS;
  for (const contender of contenders) await burst(load, contender, BURST_MS);
  const samples = new Map<string, Sample[]>(contenders.map(({ label }) => [label, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    settings.say(`Round ${round + 1} of ${ROUNDS}`);
    // There and back, so that a machine that grows slower or faster favours nobody.
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) samples.get(contender.label)?.push(await burst(load, contender, burstMs));
  }
  return samples;
}

async function burst(load: TunnelLoad, contender: Contender, durationMs: number): Promise<Sample> {
  const { label, target, isProxy } = contender;
  const before = await cpuOf(contender);
  const run = { target, isProxy, names: usedNames(), clients: CLIENTS, durationMs };
  const { tunnels, perSecond, latenciesMs, failed, error } = await load.run(run);
  const after = await cpuOf(contender);
  if (tunnels === 0) throw new Error(`Cannot open a tunnel (${label}): ${error}`);
  return {
    perSecond,
    cpuUsPerTunnel: ((after.proxy - before.proxy) * 1e6) / tunnels,
    allCpuUsPerTunnel: ((after.all - before.all) * 1e6) / tunnels,
    latenciesMs,
    failed,
  };
}

/** Seconds used so far; the proxy's are NaN where there is none. */
async function cpuOf({
  pid,
  companionPid,
}: Contender): Promise<{ readonly proxy: number; readonly all: number }> {
  const proxy = pid === undefined ? Number.NaN : await cpuSeconds(pid);
  const companion = companionPid === undefined ? 0 : await cpuSeconds(companionPid);
  const { user, system } = process.cpuUsage();
  return { proxy, all: (proxy || 0) + companion + (user + system) / 1e6 };
}

async function memory(contenders: readonly Contender[]): Promise<ReadonlyMap<string, number>> {
  const entries = contenders.map(
    async ({ label, pid }): Promise<[string, number]> => [
      label,
      pid === undefined ? Number.NaN : (await memoryOf(pid)).nowMb,
    ],
  );
  return new Map(await Promise.all(entries));
}
