// `sallyport gateway`: the wiring of the agent beside one Envoy in a cluster. Tables and plans from the API server,
// xDS for Envoy, the report of what it runs, and one loop between them. Traffic depends on none of it: Envoy starts at
// once with what it had, and continues when this process or the API server is down.
import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig } from '../../cluster-config.ts';
import type { ReportContent } from '../../deliver/kubernetes/gateway-reporter.ts';
import { measureDns } from '../../gateway/dns/dns-counts.ts';
import { measureEntryUses } from '../../gateway/egress/entry-use-metrics.ts';
import { TableWait } from '../../gateway/egress/table-wait.ts';
import type { PassOutputs, PassWork } from '../../gateway/gateway-pass.ts';
import { measureSpools } from '../../gateway/log/spool-metrics.ts';
import { laneListeners } from '../../gateway/ports/lane-listeners.ts';
import type { Drain } from '../../gateway/process/drain.ts';
import { measureEnvoy } from '../../gateway/process/envoy-metrics.ts';
import { rememberCompiled, rememberInForce } from '../../gateway/state/gateway-memory.ts';
import { inForceAfter } from '../../gateway/state/in-force.ts';
import { measureXds } from '../../gateway/xds/xds-counts.ts';
import { type HealthServer, startHealthServer } from '../../lib/health-server.ts';
import type { Logger } from '../../lib/logger.ts';
import { type JobResult, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { measureLoop, measurePasses } from '../../lib/loop-metrics.ts';
import { within } from '../../lib/within.ts';
import { type CompiledObjects, gatewayOutputs } from '../../pipeline.ts';
import type { CompiledReading } from '../../sources/kubernetes/compiled-source.ts';
import { reflectorFault } from '../../sources/kubernetes/reflector-fault.ts';
import { measureReflectors } from '../../sources/kubernetes/reflector-metrics.ts';
import { FaultLog } from '../shared/fault-log.ts';
import { podDrain, podPages, podReadiness } from '../shared/pod-pages.ts';
import { assembleParts, type GatewayProcessParts } from './parts.ts';

const MIN_INTERVAL_MS = 10;
const RETRY_INTERVAL_MS = 2000;
const MAX_INTERVAL_MS = 30_000;
const LAST_REPORT_MS = 5000;

/** Of all lanes, and what they were computed from. */
interface LaneOutputs extends PassOutputs {
  readonly reading: CompiledReading;
  /** Whether that is what the API server says, and not only what was remembered. */
  readonly hasSynced: boolean;
}

export class GatewayProcess {
  readonly #parts: GatewayProcessParts;
  readonly #loop: Loop;
  readonly #wait = new TableWait();
  readonly #drain: Drain;
  readonly #faults: FaultLog;
  #health: HealthServer | undefined;
  #envoyVersion: string | undefined;
  #inForce: GatewayProcessParts['memory']['inForce'];
  #remembered: CompiledObjects | undefined;
  /** Whether Envoy has the API server's objects, and not only the stored ones. */
  #isCurrent = false;
  /** Why what is in force could not be stored for the next start. */
  #unsaved: string | undefined;

  private constructor(parts: GatewayProcessParts, loop: Loop) {
    this.#parts = parts;
    this.#loop = loop;
    this.#faults = new FaultLog(parts.logger, 'objects cannot be read and keep their last good version');
    this.#drain = podDrain(parts, async () => {
      this.#report();
      await parts.endpoints.release();
    });
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
    this.#parts.endpoints.trigger();
  }

  /** Envoy has exited, or a new one has started. */
  envoyChanged(): void {
    this.#report();
    this.#loop.trigger();
  }

  /** Returns at once; connections continue until they end, or for the configured time. */
  drain(): void {
    this.#drain.begin();
  }

  /** First says that it accepts no more connections, last reads Envoy's log to its end. */
  async stop(): Promise<void> {
    const {
      source,
      services,
      reporter,
      endpoints,
      pass,
      polls,
      dns,
      spools,
      shipping,
      unsent,
      logger,
      api,
      usesWriter,
      useReporter,
    } = this.#parts;
    await unsent?.stop();
    await endpoints.stop();
    await this.#loop.stop();
    await polls.stop();
    await usesWriter.stop();
    await source.stop();
    await services.stop();
    await reporter.stop();
    await this.#health?.close();
    await pass.close();
    await dns.stop();
    await this.#parts.envoy.stop();
    await within(LAST_REPORT_MS, useReporter?.finish() ?? Promise.resolve());
    if (shipping === undefined) await spools.drain();
    else await shipping.finish(() => spools.drain(), logger);
    await unsent?.last();
    await spools.close();
    await api.close();
    await this.#parts.release();
  }

  /** Envoy first, with what it had: it needs nothing else. */
  async #start(): Promise<void> {
    const {
      config,
      envoy,
      dns,
      pass,
      spools,
      shipping,
      polls,
      overloaded,
      overload,
      source,
      services,
      endpoints,
      rules,
      logger,
      registry,
      uses,
      usesWriter,
      useReporter,
    } = this.#parts;
    const progress = () => [...source.progress(), ...services.progress()];
    const allProgress = () => [...progress(), ...endpoints.progress()];
    measureLoop(registry, 'gateway', () => this.#loop.state());
    measureReflectors(registry, allProgress);
    measureDns(registry, dns.counts);
    measureXds(registry, envoy.counts);
    measureEntryUses(registry, () => uses.snapshot());
    measureSpools(registry, { stateOf: () => spools.state(), budgetBytes: config.spoolBytes });
    measureEnvoy(registry, {
      deniedConnections: () => overloaded.total,
      memoryRatio: () => overload.memoryPercent / 100,
    });
    this.#health = await startHealthServer({
      port: config.healthPort,
      live: { watches: () => reflectorFault(progress(), 'silent') },
      ready: {
        synced: () => reflectorFault(progress(), 'unsynced'),
        ...podReadiness(envoy, this.#drain),
        configured: () => (this.#isCurrent ? undefined : 'Envoy has not been given its configuration yet'),
      },
      ...podPages(envoy, this.#drain),
      metrics: registry,
    });
    rules.remember(this.#remembered?.tables ?? []);
    await dns.start();
    shipping?.start();
    await spools.start();
    await pass.prepare(this.#work);
    logger.info('started', { healthPort: this.healthPort });
    this.#report();
    polls.start();
    this.#parts.unsent?.start();
    usesWriter.start();
    useReporter?.start();
    source.start();
    services.start();
    endpoints.start();
    this.#loop.trigger();
  }

  /** Computes everything from everything. Until the API server has answered, from stored objects, or nothing at all. */
  async pass(): Promise<JobResult> {
    if (!this.#parts.source.hasSynced() && this.#remembered === undefined) return {};
    const done = await this.#parts.pass.run(this.#work);
    const { outputs, result, isAnswered, heldBack, unsaved, runAgainAtMs } = done;
    this.#isCurrent ||= outputs.hasSynced && isAnswered;
    if (isAnswered) this.#envoyVersion ??= (await this.#parts.envoy.admin.serverInfo()).version;
    await this.#keepInForce(inForceAfter(result, outputs, this.#inForce));
    const notKept = this.#unsaved === undefined ? [] : [this.#unsaved];
    this.#faults.note([...heldBack, ...unsaved, ...notKept], outputs.reading.faults);
    if (notKept.length === 0) return { runAgainAtMs };
    return { runAgainAtMs: Math.min(runAgainAtMs, SYSTEM_CLOCK.nowMs() + RETRY_INTERVAL_MS) };
  }

  readonly #work: PassWork<LaneOutputs> = {
    compute: async (tunnels) => {
      const { source, settings, config } = this.#parts;
      const hasSynced = source.hasSynced();
      const reading = source.read();
      const atMs = SYSTEM_CLOCK.nowMs();
      const steadyAtMs = performance.now();
      const steady = this.#wait.steady(reading, steadyAtMs);
      const egressListenersOf = (plans: CompiledObjects['plans']) =>
        laneListeners(plans, config.listenAddress);
      const outputs = gatewayOutputs(steady, { settings, egressListenersOf, tunnels }, atMs);
      const { untilMs = Number.POSITIVE_INFINITY } = steady;
      const waitEndsAtMs = atMs + untilMs - steadyAtMs;
      const changesAtMs = Math.min(outputs.changesAtMs ?? Number.POSITIVE_INFINITY, waitEndsAtMs);
      return { ...steady, ...outputs, changesAtMs, hasSynced, reading };
    },
    remember: async ({ tables, reading, hasSynced }) => {
      this.#parts.rules.remember(tables);
      if (!hasSynced || reading === this.#remembered) return undefined;
      const problem = await rememberCompiled(this.#parts.paths, reading);
      if (problem === undefined) this.#remembered = reading;
      return problem;
    },
  };

  async #keepInForce(inForce: GatewayProcessParts['memory']['inForce']): Promise<void> {
    const isKept = isDeepStrictEqual(inForce, this.#inForce) && this.#unsaved === undefined;
    this.#inForce = inForce;
    this.#report();
    if (!isKept) this.#unsaved = await rememberInForce(this.#parts.paths, inForce);
  }

  #report(): void {
    const { reporter, envoy } = this.#parts;
    const content: ReportContent = {
      ...(this.#envoyVersion === undefined ? {} : { envoyVersion: this.#envoyVersion }),
      ready: this.#isCurrent && envoy.problem === undefined && !this.#drain.isDraining,
      ...this.#inForce,
    };
    reporter.report(content);
  }
}
