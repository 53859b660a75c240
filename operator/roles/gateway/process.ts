// `sallyport gateway`: the wiring of the agent beside one Envoy in a cluster. Tables and plans from the API server,
// Envoy's files, the report of what it runs, and one loop between them. Traffic depends on none of it: Envoy starts at
// once from its last files, and continues when this process or the API server is down.

import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig } from '../../config.ts';
import type { ReportContent } from '../../deliver/kubernetes/gateway-reporter.ts';
import { heldBackSentences } from '../../gateway/config/held-back-sentences.ts';
import { TableWait } from '../../gateway/config/table-wait.ts';
import { measureDns } from '../../gateway/dns/dns-counts.ts';
import { laneListeners } from '../../gateway/ports/lane-listeners.ts';
import { measureEnvoy } from '../../gateway/process/envoy-metrics.ts';
import { rememberCompiled, rememberInForce } from '../../gateway/state/gateway-memory.ts';
import { inForceAfter } from '../../gateway/state/in-force.ts';
import { readIfExists, writeFileAtomic } from '../../lib/atomic-file.ts';
import { type HealthServer, startHealthServer } from '../../lib/health-server.ts';
import type { Logger } from '../../lib/logger.ts';
import { type JobResult, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { measureLoop, measurePasses } from '../../lib/loop-metrics.ts';
import { type CompiledObjects, type GatewayOutputs, gatewayOutputs } from '../../pipeline.ts';
import { renderBootstrap } from '../../render/envoy/bootstrap.ts';
import type { CompiledReading } from '../../sources/kubernetes/compiled-source.ts';
import { reflectorFault } from '../../sources/kubernetes/reflector-fault.ts';
import { measureReflectors } from '../../sources/kubernetes/reflector-metrics.ts';
import { assembleParts, type GatewayProcessParts } from './parts.ts';

const MIN_INTERVAL_MS = 10;
const RETRY_INTERVAL_MS = 2000;
const MAX_INTERVAL_MS = 30_000;

export class GatewayProcess {
  readonly #parts: GatewayProcessParts;
  readonly #loop: Loop;
  readonly #wait = new TableWait();
  #health: HealthServer | undefined;
  #envoyVersion: string | undefined;
  #inForce: GatewayProcessParts['memory']['inForce'];
  #remembered: CompiledObjects | undefined;
  /** Whether Envoy has the API server's objects, and not only the stored ones. */
  #isCurrent = false;
  #told = '';
  /** Why something could not be stored for the next start. */
  readonly #unsaved: Partial<Record<'compiled' | 'inForce', string | undefined>> = {};

  private constructor(parts: GatewayProcessParts, loop: Loop) {
    this.#parts = parts;
    this.#loop = loop;
    this.#inForce = parts.memory.inForce;
    this.#remembered = parts.memory.compiled;
  }

  /** Throws, with nothing left running, where the state directory, Envoy or a port is not available. */
  static async start(config: GatewayConfig, logger: Logger): Promise<GatewayProcess> {
    let agent: GatewayProcess | undefined;
    const parts = await assembleParts(config, logger, {
      onChange: () => agent?.trigger(),
      onEnvoyChange: () => agent?.envoyChanged(),
    });
    const loop = new Loop({
      job: async () => (await agent?.pass()) ?? {},
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => logger.error('a pass failed and is tried again', { error }),
      onRun: measurePasses(parts.registry, 'gateway'),
    });
    agent = new GatewayProcess(parts, loop);
    try {
      await agent.#start();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  /** Port of /healthz, /readyz and /metrics. */
  get healthPort(): number {
    return this.#health?.port ?? 0;
  }

  get envoyPid(): number | undefined {
    return this.#parts.envoy.pid;
  }

  trigger(): void {
    this.#loop.trigger();
  }

  /** Envoy has exited, or a new one has started. */
  envoyChanged(): void {
    this.#report();
    this.#loop.trigger();
  }

  /** First reports that it accepts no more connections, last reads Envoy's log to its end. */
  async stop(): Promise<void> {
    const { source, services, reporter, applier, dns, spools, refused, overload, limits, api } = this.#parts;
    await this.#loop.stop();
    await refused.stop();
    await overload.stop();
    await limits.stop();
    await source.stop();
    await services.stop();
    await reporter.stop();
    await this.#health?.close();
    await applier.close();
    await dns.stop();
    await this.#parts.envoy.stop();
    await spools.drain();
    await spools.close();
    await api.close();
    await this.#parts.release();
  }

  /** Envoy first, from its last files: it needs nothing else. */
  async #start(): Promise<void> {
    const {
      config,
      paths,
      settings,
      envoy,
      dns,
      spools,
      refused,
      overload,
      limits,
      source,
      services,
      rules,
      logger,
      registry,
    } = this.#parts;
    const progress = () => [...source.progress(), ...services.progress()];
    await writeFileAtomic(`${paths.envoy}/bootstrap.json`, `${JSON.stringify(renderBootstrap(settings))}\n`);
    await this.#ensureFiles();
    rules.remember(this.#remembered?.tables ?? []);
    await dns.start();
    await spools.start();
    if (this.#remembered !== undefined) {
      await dns.serve(this.#outputs(this.#remembered).egressListeners, this.#remembered);
    }
    const how = await envoy.start();
    this.#envoyVersion = (await envoy.admin.serverInfo()).version;
    measureLoop(registry, 'gateway', () => this.#loop.state());
    measureReflectors(registry, progress);
    measureDns(registry, dns.counts);
    measureEnvoy(registry, {
      refusedConnections: () => refused.total,
      memoryRatio: () => overload.memoryPercent / 100,
    });
    this.#health = await startHealthServer({
      port: config.healthPort,
      live: { watches: () => reflectorFault(progress(), 'silent') },
      ready: {
        synced: () => reflectorFault(progress(), 'unsynced'),
        envoy: () => (envoy.pid === undefined ? 'Envoy does not run' : undefined),
        configured: () => (this.#isCurrent ? undefined : 'Envoy has not been given its configuration yet'),
      },
      metrics: registry,
    });
    logger.info('started', { healthPort: this.healthPort, envoy: how, pid: envoy.pid });
    this.#report();
    refused.start();
    overload.start();
    limits.start();
    source.start();
    services.start();
    this.#loop.trigger();
  }

  /** Envoy does not start without files; where there are none it gets those of a gateway without any workspace. */
  async #ensureFiles(): Promise<void> {
    const { applier, limits, paths } = this.#parts;
    await limits.serve(this.#outputs(this.#remembered ?? { tables: [], plans: [] }).egressListeners);
    const files = [`${paths.envoy}/lds/listeners.json`, `${paths.envoy}/cds/clusters.json`];
    const texts = await Promise.all(files.map(readIfExists));
    if (!texts.includes(undefined)) return;
    await applier.apply(this.#outputs(this.#remembered ?? { tables: [], plans: [] }).envoy);
  }

  /** Computes everything from everything. Until the API server has answered, from stored objects, or nothing at all. */
  async pass(): Promise<JobResult> {
    const { source, applier, dns, limits, tunnels, tunnelCloser, rules } = this.#parts;
    const hasSynced = source.hasSynced();
    if (!hasSynced && this.#remembered === undefined) return {};
    await tunnelCloser.look(SYSTEM_CLOCK.nowMs());
    const reading = source.read();
    const steady = this.#wait.steady(reading, SYSTEM_CLOCK.nowMs());
    const outputs = this.#outputs(steady);
    rules.remember(steady.tables);
    if (hasSynced) await this.#remember(reading);
    await tunnels.keep(outputs.tunnels);
    await limits.serve(outputs.egressListeners);
    const served = dns.serve(outputs.egressListeners, steady);
    const [result] = await Promise.all([applier.apply(outputs.envoy), served]);
    const inForce = inForceAfter(result, steady, outputs, this.#inForce);
    const isAnswered = result.status === 'applied' || result.status === 'heldBack';
    this.#isCurrent ||= hasSynced && isAnswered;
    if (isAnswered) tunnelCloser.inForce(SYSTEM_CLOCK.nowMs());
    const unsaved = await this.#keepReport(inForce);
    const heldBack = [...(await heldBackSentences(result, outputs.envoy)), ...unsaved];
    this.#tell(heldBack, reading);
    const retryAtMs =
      heldBack.length > 0 || !isAnswered ? SYSTEM_CLOCK.nowMs() + RETRY_INTERVAL_MS : undefined;
    return { runAgainAtMs: earliest([outputs.changesAtMs, steady.untilMs, retryAtMs, tunnelCloser.dueAtMs]) };
  }

  /** Returns what could not be stored for the next start, and why. */
  async #keepReport(inForce: GatewayProcessParts['memory']['inForce']): Promise<readonly string[]> {
    const { paths, tunnels } = this.#parts;
    const isKept = isDeepStrictEqual(inForce, this.#inForce) && this.#unsaved.inForce === undefined;
    this.#inForce = inForce;
    this.#report();
    if (!isKept) this.#unsaved.inForce = await rememberInForce(paths, inForce);
    return [this.#unsaved.compiled, this.#unsaved.inForce, tunnels.problem].filter(
      (problem) => problem !== undefined,
    );
  }

  #outputs(compiled: CompiledObjects): GatewayOutputs {
    const { settings, config, tunnels } = this.#parts;
    const egressListenersOf = (plans: CompiledObjects['plans']) => laneListeners(plans, config.listenAddress);
    const gateway = { settings, egressListenersOf, tunnels: tunnels.memory };
    return gatewayOutputs(compiled, gateway, SYSTEM_CLOCK.nowMs());
  }

  async #remember(reading: CompiledReading): Promise<void> {
    if (reading === this.#remembered) return;
    this.#unsaved.compiled = await rememberCompiled(this.#parts.paths, reading);
    if (this.#unsaved.compiled === undefined) this.#remembered = reading;
  }

  #report(): void {
    const { reporter, envoy } = this.#parts;
    const content: ReportContent = {
      ...(this.#envoyVersion === undefined ? {} : { envoyVersion: this.#envoyVersion }),
      ready: this.#isCurrent && envoy.pid !== undefined,
      ...this.#inForce,
    };
    reporter.report(content);
  }

  /** Logs each fault once, and once when all is well again. */
  #tell(heldBack: readonly string[], { faults }: CompiledReading): void {
    const { logger } = this.#parts;
    const told = JSON.stringify([heldBack, faults]);
    if (told === this.#told) return;
    const isFirst = this.#told === '';
    this.#told = told;
    if (heldBack.length > 0) logger.error('not everything is in force; all is but this', { heldBack });
    if (faults.length > 0)
      logger.error('objects cannot be read and keep their last good version', { faults });
    if (heldBack.length === 0 && faults.length === 0 && !isFirst) logger.info('everything is in force again');
  }
}

function earliest(timesMs: readonly (number | undefined)[]): number {
  return Math.min(...timesMs.map((timeMs) => timeMs ?? Number.POSITIVE_INFINITY));
}
