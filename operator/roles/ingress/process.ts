// `sallyport ingress`: the wiring of an ingress gateway in a cluster. Plans, Services and the Secrets that plans name
// from the API server, an Envoy over xDS, the report of what it runs, and one loop between them. Until the API server
// has answered, Envoy has what the last process wanted.
import type { IngressGatewayConfig } from '../../cluster-config.ts';
import { type ResolvedIngress, resolveIngress } from '../../compile/ingress/resolve-ingress.ts';
import type { ReportContent } from '../../deliver/kubernetes/gateway-reporter.ts';
import type { IngressPassResult } from '../../gateway/ingress/ingress-pass.ts';
import { measureSpools } from '../../gateway/log/spool-metrics.ts';
import type { Drain } from '../../gateway/process/drain.ts';
import { measureEnvoy } from '../../gateway/process/envoy-metrics.ts';
import { measureXds } from '../../gateway/xds/xds-counts.ts';
import { type HealthServer, startHealthServer } from '../../lib/health-server.ts';
import type { Logger } from '../../lib/logger.ts';
import { type JobResult, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { measureLoop, measurePasses } from '../../lib/loop-metrics.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { reflectorFault } from '../../sources/kubernetes/reflector-fault.ts';
import { measureReflectors } from '../../sources/kubernetes/reflector-metrics.ts';
import { FaultLog } from '../shared/fault-log.ts';
import { podDrain, podPages, podReadiness } from '../shared/pod-pages.ts';
import { assembleParts, type IngressProcessParts } from './parts.ts';
import { IngressReports } from './reports.ts';

const MIN_INTERVAL_MS = 10;
const RETRY_MS = 2000;
const MAX_INTERVAL_MS = 30_000;
/** For Secrets that cannot be read: nobody else waits longer for them. */
const SECRETS_MS = 15_000;

export class IngressProcess {
  readonly #parts: IngressProcessParts;
  readonly #loop: Loop;
  readonly #reports = new IngressReports();
  readonly #drain: Drain;
  readonly #faults: FaultLog;
  #health: HealthServer | undefined;
  /** By performance.now(): when Secrets are waited for no longer. */
  #patientUntilMs: number | undefined;
  #plans: readonly IngressPlan[] | undefined;
  #isCurrent = false;

  private constructor(parts: IngressProcessParts, loop: Loop) {
    this.#parts = parts;
    this.#loop = loop;
    this.#faults = new FaultLog(parts.logger, 'plans name what cannot be used');
    this.#drain = podDrain(parts);
  }

  /** Throws, with nothing left running, where the state directory, Envoy or a port is not available. */
  static async start(config: IngressGatewayConfig, logger: Logger): Promise<IngressProcess> {
    let gateway: IngressProcess | undefined;
    const parts = await assembleParts(config, logger, {
      onChange: () => gateway?.trigger(),
      onEnvoyChange: () => gateway?.trigger(),
      plans: () => gateway?.plans,
    });
    const loop = new Loop({
      job: async () => (await gateway?.pass()) ?? {},
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => logger.error('a pass failed and is tried again', { error }),
      onRun: measurePasses(parts.registry, 'ingress'),
    });
    gateway = new IngressProcess(parts, loop);
    try {
      await gateway.#start();
      return gateway;
    } catch (error) {
      await gateway.stop();
      throw error;
    }
  }

  /** Port of /healthz, /readyz and /metrics. */
  get healthPort(): number {
    return this.#health?.port ?? 0;
  }

  /** Port of /authorize; undefined where it is not served. */
  get authorizePort(): number | undefined {
    return this.#parts.servers.authorizePort;
  }

  /** By which /authorize decides, at first those of the last process: undefined where none are known. */
  get plans(): readonly IngressPlan[] | undefined {
    return this.#plans;
  }

  /** Undefined while no plan has hosts. */
  get envoyPid(): number | undefined {
    return this.#parts.envoy.pid;
  }

  trigger(): void {
    this.#loop.trigger();
  }

  /** Returns at once; connections continue until they end, or for the configured time. */
  drain(): void {
    this.#drain.begin();
  }

  /** First reports that it accepts no more connections, last reads Envoy's log to its end. */
  async stop(): Promise<void> {
    const { plans, services, secrets, reporter, polls, envoy, logger, servers, log, shipping, unsent } =
      this.#parts;
    await unsent?.stop();
    await this.#loop.stop();
    await polls.stop();
    await Promise.all([plans.stop(), services.stop(), secrets.stop()]);
    await reporter.stop();
    await this.#health?.close();
    await envoy.stop();
    await servers.stop();
    if (shipping === undefined) await log.drain();
    else await shipping.finish(() => log.drain(), logger);
    await unsent?.last();
    await log.close();
    await this.#parts.api.close();
    await this.#parts.release();
  }

  async #start(): Promise<void> {
    const {
      config,
      envoy,
      log,
      shipping,
      unsent,
      plans,
      services,
      secrets,
      servers,
      polls,
      numbers,
      logger,
      registry,
    } = this.#parts;
    const progress = () => [...plans.progress(), services.progress(), ...secrets.progress()];
    measureLoop(registry, 'ingress', () => this.#loop.state());
    measureReflectors(registry, progress);
    measureXds(registry, envoy.counts);
    measureSpools(registry, { stateOf: () => log.spoolsState(), budgetBytes: config.spoolBytes });
    measureEnvoy(registry, numbers);
    this.#health = await startHealthServer({
      port: config.healthPort,
      live: { watches: () => reflectorFault(progress(), 'silent') },
      ready: {
        synced: () => reflectorFault([...plans.progress(), services.progress()], 'unsynced'),
        configured: () => (this.#isCurrent ? undefined : 'Envoy has not been given its configuration yet'),
        ...(config.isEnvoyExternal ? podReadiness(envoy, this.#drain) : {}),
      },
      ...podPages(envoy, this.#drain),
      metrics: registry,
    });
    await this.#readPlans();
    shipping?.start();
    await log.follow();
    await envoy.serveRemembered();
    logger.info('started', { healthPort: this.healthPort });
    await servers.start();
    polls.start();
    unsent?.start();
    plans.start();
    services.start();
    this.#loop.trigger();
  }

  async #readPlans(): Promise<void> {
    const { memory, log, logger } = this.#parts;
    const plans = await memory?.read();
    if (plans === undefined) return;
    log.remember(plans);
    this.#plans = plans;
    logger.info('proxies get answers by the lists of the last process, until the API server gives new ones');
  }

  /** Computes everything from everything, once everything is known. */
  async pass(): Promise<JobResult> {
    const { plans: source, services, secrets, pass, memory } = this.#parts;
    if (!source.hasSynced()) return {};
    const plans = source.read();
    secrets.watch(secretsOf(plans));
    // Before anybody decides by them: rows name their entries.
    this.#parts.log.remember(plans);
    const unsaved = await memory?.save(plans);
    this.#plans = plans;
    if (!services.hasSynced() || this.#awaitsSecrets())
      return { runAgainAtMs: SYSTEM_CLOCK.nowMs() + RETRY_MS };
    const resolved = this.#resolve(plans);
    const done = withUnsaved(await pass.run(plans, resolved), unsaved);
    this.#report(plans, resolved, done);
    const isWhole = done.heldBack.length + done.unsaved.length === 0;
    return isWhole ? {} : { runAgainAtMs: SYSTEM_CLOCK.nowMs() + RETRY_MS };
  }

  #awaitsSecrets(): boolean {
    this.#patientUntilMs ??= performance.now() + SECRETS_MS;
    return !this.#parts.secrets.hasSynced() && performance.now() < this.#patientUntilMs;
  }

  #resolve(plans: readonly IngressPlan[]): ResolvedIngress {
    const { services, secrets } = this.#parts;
    return resolveIngress(plans, {
      findCertificate: (namespace, name) => secrets.find({ namespace, name }).certificate,
      faultOfSecret: (namespace, name) => secrets.find({ namespace, name }).fault,
      findService: (namespace, name, port) => services.find(namespace, name, port),
    });
  }

  #report(plans: readonly IngressPlan[], resolved: ResolvedIngress, done: IngressPassResult): void {
    const { reporter, log } = this.#parts;
    this.#isCurrent ||= done.status === 'applied' || done.status === 'heldBack';
    const content: ReportContent = {
      direction: 'INGRESS',
      ready: this.#isCurrent && done.status !== 'notRunning' && !this.#drain.isDraining,
      ingressPlans: this.#reports.next(plans, resolved.faults, done),
      listHits: [...log.listHits()],
    };
    reporter.report(content);
    const faults = resolved.faults.map(({ workspace, message }) => `${workspace}: ${message}`);
    this.#faults.note([...done.heldBack, ...done.unsaved], faults);
  }
}

function withUnsaved(done: IngressPassResult, unsaved: string | undefined): IngressPassResult {
  return unsaved === undefined ? done : { ...done, unsaved: [...done.unsaved, unsaved] };
}

function secretsOf(plans: readonly IngressPlan[]) {
  return plans.flatMap(
    ({ metadata: { name: namespace }, spec: { hosts = [], tlsSecretName, tlsPassthrough } }) =>
      hosts.length === 0 || tlsSecretName === undefined || tlsPassthrough
        ? []
        : [{ namespace, name: tlsSecretName }],
  );
}
