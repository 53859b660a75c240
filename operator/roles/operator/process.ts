// `sallyport operator`: the wiring of the operator. Reflectors on one side, writers on the other, one loop between
// them. Every replica reads and computes; only the leader writes.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { OperatorConfig } from '../../cluster-config.ts';
import { staleControllers } from '../../compile/stale-controllers.ts';
import { lanesOfWorkspaces } from '../../compile/stale-pods.ts';
import type { Owners } from '../../compile/workload-of-pod.ts';
import { deliver } from '../../deliver/kubernetes/deliver.ts';
import { refusedPods, stampedWorkspaces } from '../../deliver/kubernetes/failures-by-workspace.ts';
import { PodRefused } from '../../deliver/kubernetes/pod-write-memory.ts';
import { type HealthServer, startHealthServer } from '../../lib/health-server.ts';
import type { Logger } from '../../lib/logger.ts';
import { inSteps, type JobResult, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { measureLoop, measurePasses } from '../../lib/loop-metrics.ts';
import type { ClusterState } from '../../model/cluster-state.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { NOTHING_REMEMBERED, type OperatorMemory, operatorSteps } from '../../pipeline.ts';
import type { ClusterSettings } from '../../render/kubernetes/objects/desired-object.ts';
import { reflectorFault } from '../../sources/kubernetes/reflector-fault.ts';
import { measureReflectors } from '../../sources/kubernetes/reflector-metrics.ts';
import { FailureLog } from './failure-log.ts';
import { assembleParts, type OperatorProcessParts } from './parts.ts';

const MIN_INTERVAL_MS = 20;
const RETRY_INTERVAL_MS = 1000;
/** A resync, which repairs what no event has reported. */
const MAX_INTERVAL_MS = 60_000;
/** Of statuses, where owners of pods are not known yet: most are within that, and each workload is named once. */
const OWNERS_WAIT_MS = 1000;

export class OperatorProcess {
  readonly #parts: OperatorProcessParts;
  readonly #loop: Loop;
  /** One object for all passes, so that results computed with it are reused. */
  readonly #settings: ClusterSettings;
  readonly #failureLog: FailureLog;
  #health: HealthServer | undefined;
  #memory: OperatorMemory = NOTHING_REMEMBERED;

  private constructor(parts: OperatorProcessParts, loop: Loop) {
    this.#parts = parts;
    this.#loop = loop;
    this.#failureLog = new FailureLog(parts.logger);
    this.#settings = { ...parts.config, canaryNamespace: parts.config.canaries?.namespace };
  }

  /** Throws where the API server cannot be found or the health port is taken; resolves before all is synced. */
  static async start(config: OperatorConfig, logger: Logger): Promise<OperatorProcess> {
    let operator: OperatorProcess | undefined;
    const parts = await assembleParts(config, logger, {
      onChange: () => operator?.trigger(),
      healthPort: () => operator?.healthPort ?? 0,
    });
    const loop = new Loop({
      job: async () => (await operator?.pass()) ?? {},
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => logger.error('a pass failed and is tried again', { error }),
      onRun: measurePasses(parts.registry, 'operator'),
    });
    operator = new OperatorProcess(parts, loop);
    await operator.#start();
    return operator;
  }

  /** Port of /healthz, /readyz and /metrics. */
  get healthPort(): number {
    return this.#health?.port ?? 0;
  }

  isLeader(): boolean {
    return this.#parts.lease.isLeader();
  }

  trigger(): void {
    this.#loop.trigger();
  }

  /** Resolves when every change seen so far is written. */
  settled(): Promise<void> {
    return this.#loop.settled();
  }

  /** Releases the lease when the last pass has ended. */
  async stop(): Promise<void> {
    const { source, lease, api, probe, installation, addresses, staleOwners, restartReport } = this.#parts;
    await probe?.stop();
    await staleOwners.stop();
    await installation.stop();
    await addresses.stop();
    await this.#loop.stop();
    await restartReport.stop();
    await source.stop();
    await lease.stop();
    await this.#health?.close();
    await api.close();
  }

  async #start(): Promise<void> {
    const { config, source, lease, logger, registry, installation, addresses } = this.#parts;
    measureLoop(registry, 'operator', () => this.#loop.state());
    measureReflectors(registry, () => source.progress());
    this.#health = await startHealthServer({
      port: config.healthPort,
      live: { watches: () => reflectorFault(source.progress(), 'silent') },
      ready: {
        installation: () => installation.fault(),
        synced: () => reflectorFault(source.progress(), 'unsynced'),
      },
      metrics: registry,
    });
    logger.info('started', { healthPort: this.healthPort, identity: config.identity });
    installation.start();
    source.start();
    lease.start();
    addresses.start();
  }

  /** Computes everything from everything; the leader writes what differs. */
  async pass(): Promise<JobResult> {
    const { source, lease, metrics, statusReport, restartReport, probe, installation, addresses } =
      this.#parts;
    if (!source.hasSynced()) return {};
    probe?.trigger();
    const read = source.read();
    const pods = this.#parts.podMemory.complete(read.state.pods, Date.now());
    const reading = { ...read, state: pods === read.state.pods ? read.state : { ...read.state, pods } };
    await yieldToEventLoop();
    // In steps, so that lease and health checks do not wait.
    const outputs = await inSteps(operatorSteps(reading.state, this.#settings, this.#memory, Date.now()));
    metrics.problems([
      ...reading.state.problems,
      ...outputs.problems,
      ...installation.problems(),
      ...addresses.problems(),
    ]);
    this.#memory = { ports: outputs.ports, plans: outputs.plans };
    if (!lease.isLeader()) {
      this.#parts.staleOwners.want([]);
      restartReport.forget();
      return {};
    }
    await yieldToEventLoop();
    const delivery = { ...this.#parts, nowMs: Date.now };
    const { failed, settling } = await deliver(outputs, reading.observed, delivery);
    const stamped = stampedWorkspaces(reading.state, outputs.plans, failed);
    const enforced = await this.#parts.deadlines.enforce(
      outputs.deadlines,
      (workspace) => stamped.get(workspace) === true && !settling.has(workspace),
    );
    await yieldToEventLoop();
    const changesAtMs = await statusReport.notify({
      state: reading.state,
      compiled: outputs,
      broaderPolicies: outputs.broaderPolicies,
      settling,
      stamped,
      unevicted: new Map([...enforced.refused, ...refusedPods([...failed, ...enforced.failed])]),
      isolation: probe?.measurements(),
      owners: await this.#owners(reading.state, outputs.plans),
      atMs: Date.now(),
    });
    const allFailed = [...failed, ...enforced.failed];
    this.#failureLog.log(allFailed, performance.now());
    const times = [
      changesAtMs,
      ...allFailed.map(({ error }) => retryAtMs(error)),
      outputs.changesAtMs,
      enforced.changesAtMs,
      ...settling.values(),
    ];
    const next = Math.min(...times.filter((time) => time !== undefined));
    return Number.isFinite(next) ? { runAgainAtMs: next } : {};
  }

  /** Of pods that must restart, as far as they are known. */
  #owners({ pods, namespaces }: ClusterState, plans: readonly WorkspacePlan[]): Promise<Owners> {
    const { staleOwners } = this.#parts;
    const lanes = lanesOfWorkspaces(plans, namespaces);
    const lanesOf = (workspace: string) => lanes.get(workspace);
    staleOwners.want(staleControllers({ pods, lanesOf, atMs: Date.now() }));
    return staleOwners.knownWithin(OWNERS_WAIT_MS);
  }
}

/** Epoch milliseconds. */
function retryAtMs(error: Error): number {
  return error instanceof PodRefused ? error.retryAtMs : Date.now() + RETRY_INTERVAL_MS;
}
