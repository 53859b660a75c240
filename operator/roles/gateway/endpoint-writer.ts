// Writes the EndpointSlices of all lanes, where this agent holds the lease of the pool: from the WorkspacePlans and from
// the gateway pods, so that a gateway that goes is taken out also while no operator runs. Nothing depends on it for what
// is there already: while nobody writes, the slices stay as they are.
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { measureWrites } from '../../deliver/kubernetes/delivery-metrics.ts';
import { LeaderLease } from '../../deliver/kubernetes/leader-lease.ts';
import { NoLongerLeader, ObjectWriter, type WriteFailures } from '../../deliver/kubernetes/object-writer.ts';
import { planWrites, type WritePlan } from '../../deliver/kubernetes/plan-writes.ts';
import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import { type JobResult, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { memoize, memoizeEqual } from '../../lib/memo.ts';
import { within } from '../../lib/within.ts';
import { ENDPOINT_SLICES } from '../../model/cluster-resources.ts';
import {
  GATEWAY_LEASE_NAME,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  WORKSPACE_NAME_LABEL,
} from '../../model/system-names.ts';
import { gatewayEndpoints, laneEndpoints } from '../../render/kubernetes/objects/lane-endpoints.ts';
import type { CompiledSource } from '../../sources/kubernetes/compiled-source.ts';
import {
  Reflector,
  type ReflectorFailure,
  type ReflectorProgress,
} from '../../sources/kubernetes/reflector.ts';
import { trimObject } from '../../sources/kubernetes/trim.ts';
import { GatewayPool } from './gateway-pool.ts';
import { isNamedInSlices } from './named-in-slices.ts';

export interface EndpointWriterOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly podName: string;
  readonly source: Pick<CompiledSource, 'hasSynced' | 'read'>;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly onWatchFailure: (failure: ReflectorFailure) => void;
}

const FIELD_MANAGER = 'sallyport-gateway';
const MIN_INTERVAL_MS = 20;
const RETRY_INTERVAL_MS = 1000;
/** A resync, which repairs what no event has reported. */
const MAX_INTERVAL_MS = 60_000;
/** So many are written before it looks whether they are outdated: a second gateway may go while thousands are written. */
const AT_A_TIME = 64;
/** How long an agent that leaves writes its own removal; then the next one does. */
const FAREWELL_MS = 10_000;
/** How long it waits until no slice names it. With 2,000 slices that takes 10 s. */
const OUT_MS = 30_000;
const POLL_MS = 1000;
const OWNED = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;

export class EndpointWriter {
  readonly #options: EndpointWriterOptions;
  readonly #pool: GatewayPool;
  readonly #lease: LeaderLease;
  readonly #writer: ObjectWriter;
  readonly #loop: Loop;
  readonly #endpointsOf = memoizeEqual(gatewayEndpoints);
  readonly #slicesOf = memoize(laneEndpoints);
  /** Only of the holder: the slices as they are stored. */
  #stored: Reflector<KubernetesObject> | undefined;
  #closing: Promise<unknown> = Promise.resolve();
  #left: Promise<void> | undefined;
  #released: Promise<void> | undefined;

  constructor(options: EndpointWriterOptions) {
    this.#options = options;
    const { api, namespace, podName, registry, logger, onWatchFailure } = options;
    const metrics = measureWrites(registry, GATEWAY_LEASE_NAME);
    this.#pool = new GatewayPool({
      ...{ api, namespace, podName, onFailure: onWatchFailure },
      onChange: () => this.#poolChanged(),
    });
    this.#lease = new LeaderLease({
      ...{ api, namespace, name: GATEWAY_LEASE_NAME, identity: podName },
      isGone: (holder) => this.#pool.isGone(holder),
      onChange: (isHolder) => {
        metrics.leader(isHolder);
        this.#turn(isHolder);
      },
      onFailure: (error) => logger.warn('the lease of the pool could not be renewed', { error }),
    });
    this.#writer = new ObjectWriter({
      ...{ api, fieldManager: FIELD_MANAGER, resources: [ENDPOINT_SLICES], versionedKinds: [] },
      mayWrite: () => this.#lease.isLeader(),
      onWrite: metrics.objectWrite,
    });
    this.#loop = new Loop({
      job: () => this.#pass(),
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => logger.error('EndpointSlices could not be computed', { error }),
    });
  }

  start(): void {
    this.#pool.start();
    this.#lease.start();
  }

  /** A plan has changed. */
  trigger(): void {
    this.#loop.trigger();
  }

  progress(): readonly ReflectorProgress[] {
    return [this.#pool.progress(), ...(this.#stored === undefined ? [] : [this.#stored.progress()])];
  }

  /**
   * This gateway takes no new connections from now on; resolves when no slice leads any to it, whoever writes that. The holder
   * takes itself out and then gives the lease away; the others see its pod being deleted, so neither depends on the
   * other. The last gateway of a pool keeps the lease, since nobody else could write that it and those before it are
   * gone.
   */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  /** Envoy has ended. */
  async stop(): Promise<void> {
    await this.#leave();
    this.#pool.gone();
    await within(FAREWELL_MS, this.#writeOnce());
    await this.#lease.stop();
    await this.#loop.stop();
    await Promise.all([this.#pool.stop(), this.#stored?.stop(), this.#closing]);
  }

  async #release(): Promise<void> {
    const stopAtMs = performance.now() + OUT_MS;
    await this.#leave();
    // Where the API server is away, there is nothing to wait for.
    while (performance.now() < stopAtMs && (await this.#isNamed().catch(() => false))) await delay(POLL_MS);
  }

  #isNamed(): Promise<boolean> {
    const { api, namespace } = this.#options;
    return isNamedInSlices(api, this.#pool.ownAddresses(), { namespace, labelSelector: OWNED });
  }

  #leave(): Promise<void> {
    this.#left ??= this.#takeOut();
    return this.#left;
  }

  async #takeOut(): Promise<void> {
    this.#pool.leave();
    await within(FAREWELL_MS, this.#writeOnce());
    await this.#giveWay();
  }

  async #writeOnce(): Promise<void> {
    if (!this.#lease.isLeader()) return;
    await this.#stored?.synced();
    this.#loop.trigger();
    await this.#loop.settled();
  }

  async #giveWay(): Promise<void> {
    if (this.#pool.hasOthers()) await this.#lease.stop();
  }

  #poolChanged(): void {
    this.#lease.recheck();
    this.#loop.trigger();
    // Others may have come since.
    if (this.#left !== undefined) void this.#left.then(() => this.#giveWay());
  }

  #turn(isHolder: boolean): void {
    const { api, namespace, logger, onWatchFailure } = this.#options;
    logger.info(isHolder ? 'writes the EndpointSlices now' : 'writes no EndpointSlices any more');
    this.#closing = Promise.all([this.#closing, this.#stored?.stop()]);
    this.#stored = undefined;
    if (!isHolder) return;
    this.#stored = new Reflector<KubernetesObject>({
      ...{ api, namespace, resource: ENDPOINT_SLICES, transform: trimObject },
      labelSelector: OWNED,
      onChange: () => this.#loop.trigger(),
      onFailure: onWatchFailure,
    });
    this.#stored.start();
  }

  /** Computes everything from everything, and writes what differs. */
  async #pass(): Promise<JobResult> {
    const stored = this.#stored;
    const { source } = this.#options;
    if (!this.#lease.isLeader() || stored === undefined) return {};
    if (![stored, source, this.#pool].every((part) => part.hasSynced())) return {};
    const { plans, endpoints } = this.#inputs();
    const wanted = plans.flatMap((plan) => this.#slicesOf(plan, endpoints, this.#options.namespace));
    const observed = new Map(stored.items().map((slice) => [objectKey(slice), slice]));
    // Its lanes are not known, so nothing is known to be too much.
    const unreadable = new Set(source.read().unreadable);
    const isPruned = ({ metadata }: KubernetesObject): boolean =>
      !unreadable.has(metadata.labels?.[WORKSPACE_NAME_LABEL] ?? '');
    const isOutdated = (): boolean => {
      const now = this.#inputs();
      return now.plans !== plans || now.endpoints !== endpoints;
    };
    const failed = await this.#write(planWrites(wanted, observed, isPruned), observed, isOutdated);
    if (failed.length === 0) return {};
    this.#notify(failed);
    return { runAgainAtMs: SYSTEM_CLOCK.nowMs() + RETRY_INTERVAL_MS };
  }

  /** The very same ones where nothing has changed. */
  #inputs() {
    return { plans: this.#options.source.read().plans, endpoints: this.#endpointsOf(this.#pool.pods()) };
  }

  /** Up to where it is outdated: whatever changed has triggered the next pass. */
  async #write(
    { apply, remove }: WritePlan,
    observed: ReadonlyMap<string, KubernetesObject>,
    isOutdated: () => boolean,
  ): Promise<WriteFailures> {
    const failed: WriteFailures[number][] = [];
    for (let at = 0; at < apply.length && !isOutdated(); at += AT_A_TIME)
      failed.push(...(await this.#writer.applyAll(apply.slice(at, at + AT_A_TIME), observed)));
    return isOutdated() ? failed : [...failed, ...(await this.#writer.removeAll(remove))];
  }

  /** One line for thousands: it is mostly one reason. */
  #notify(failed: WriteFailures): void {
    const [first] = failed.filter(({ error }) => !(error instanceof NoLongerLeader));
    if (first === undefined) return;
    this.#options.logger.error('EndpointSlices could not be written and are tried again', {
      count: failed.length,
      object: objectKey(first.item),
      error: first.error,
    });
  }
}
