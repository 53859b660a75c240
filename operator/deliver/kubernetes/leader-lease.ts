// Leader election among replicas by a Lease, as in client-go. Another holder's lease counts as expired when it has not
// changed for its duration by our own clock, so that clocks need not agree; our own counts only until its renewal is
// due by the monotonic clock, so that a frozen replica knows that it lost leadership before it writes.
import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesObject, microTime, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type ApiRequest, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { LEASES } from '../../model/cluster-resources.ts';

export interface LeaderLeaseOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly name: string;
  /** Of this replica; no other may have it. */
  readonly identity: string;
  /** Whether that holder is known to be gone, so that nobody needs to wait until its lease expires. */
  readonly isGone?: (holder: string) => Promise<boolean>;
  readonly onChange: (isLeader: boolean) => void;
  readonly onFailure: (error: Error) => void;
  readonly timings?: Partial<LeaseTimings>;
}

/** client-go's own values unless given. */
export interface LeaseTimings {
  readonly leaseMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

const TIMINGS: LeaseTimings = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };
const JITTER = 1.2;

interface Lease extends KubernetesObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly leaseTransitions?: number;
  };
}

export class LeaderLease {
  readonly #options: LeaderLeaseOptions;
  readonly #timings: LeaseTimings;
  readonly #stopped = new AbortController();
  /** Until when this replica is leader, by performance.now(). */
  #leadsUntilMs = Number.NEGATIVE_INFINITY;
  #wasLeader = false;
  /** The last observed change of the lease. */
  #seen = { version: '', atMs: 0 };
  /** Ends the wait for the next attempt. */
  #waiting = new AbortController();
  #running: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: LeaderLeaseOptions) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  isLeader(): boolean {
    return performance.now() < this.#leadsUntilMs;
  }

  /** What isGone() says may have changed: looks at once. */
  recheck(): void {
    this.#waiting.abort();
  }

  /** Releases the lease, so that the next replica need not wait. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    const wasLeader = this.isLeader();
    this.#standDown();
    this.#notify();
    if (wasLeader) await this.#release().catch((error: unknown) => this.#options.onFailure(error as Error));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#waiting = new AbortController();
      const wake = AbortSignal.any([signal, this.#waiting.signal]);
      await this.#tryOnce().catch((error: unknown) => {
        // Another replica was faster.
        const hasLost = error instanceof ApiFailure && error.status === 409;
        if (!hasLost) this.#options.onFailure(error as Error);
      });
      this.#notify();
      const waitMs = this.#timings.retryMs * (1 + Math.random() * (JITTER - 1));
      await delay(waitMs, undefined, { signal: wake }).catch(() => undefined);
    }
  }

  #notify(): void {
    const isLeader = this.isLeader();
    if (isLeader === this.#wasLeader) return;
    this.#wasLeader = isLeader;
    this.#options.onChange(isLeader);
  }

  async #tryOnce(): Promise<void> {
    const { identity } = this.#options;
    // The time before the request: the answer may arrive much later than the server renewed.
    const askedAtMs = performance.now();
    const lease = await this.#read();
    if (lease === undefined) await this.#create();
    else if (await this.#isHeldByAnother(lease)) return this.#standDown();
    else await this.#take(lease, lease.spec?.holderIdentity === identity);
    this.#leadsUntilMs = askedAtMs + this.#timings.renewDeadlineMs;
  }

  /** Also where another one took it before it had expired. */
  #standDown(): void {
    this.#leadsUntilMs = Number.NEGATIVE_INFINITY;
  }

  async #isHeldByAnother(lease: Lease): Promise<boolean> {
    const hasExpired = this.#hasExpired(lease);
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#options.identity || hasExpired) return false;
    return !(await this.#options.isGone?.(holder));
  }

  #hasExpired({ metadata, spec }: Lease): boolean {
    const version = metadata.resourceVersion ?? '';
    if (this.#seen.version !== version) this.#seen = { version, atMs: performance.now() };
    const { leaseDurationSeconds = this.#timings.leaseMs / 1000 } = spec ?? {};
    return performance.now() >= this.#seen.atMs + leaseDurationSeconds * 1000;
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return (await this.#request({ method: 'GET', path: this.#path() })) as Lease;
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  async #create(): Promise<void> {
    const { namespace, name } = this.#options;
    await this.#request({
      method: 'POST',
      path: pathOf(LEASES, { namespace }),
      body: {
        apiVersion: LEASES.apiVersion,
        kind: LEASES.kind,
        metadata: { namespace, name },
        spec: { ...this.#renewal(), acquireTime: microTime(new Date()), leaseTransitions: 0 },
      },
    });
  }

  /** Fails with a conflict where another replica was faster. */
  async #take({ metadata, spec }: Lease, isOurs: boolean): Promise<void> {
    const taken = {
      acquireTime: microTime(new Date()),
      leaseTransitions: (spec?.leaseTransitions ?? 0) + 1,
    };
    await this.#patch(metadata.resourceVersion, { ...this.#renewal(), ...(isOurs ? {} : taken) });
  }

  async #release(): Promise<void> {
    const lease = await this.#read();
    if (lease?.spec?.holderIdentity !== this.#options.identity) return;
    await this.#patch(lease.metadata.resourceVersion, { holderIdentity: '', leaseDurationSeconds: 1 });
  }

  async #patch(resourceVersion: string | undefined, spec: object): Promise<void> {
    await this.#request({
      method: 'PATCH',
      path: this.#path(),
      body: { metadata: { resourceVersion }, spec },
      contentType: 'application/merge-patch+json',
    });
  }

  /** A silent connection must leave time to retry before the lease is lost. */
  #request(request: ApiRequest): Promise<unknown> {
    const signal = AbortSignal.timeout(Math.ceil(this.#timings.renewDeadlineMs / 3));
    return this.#options.api.request({ ...request, signal });
  }

  #renewal(): object {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#timings.leaseMs / 1000),
      renewTime: microTime(new Date()),
    };
  }

  #path(): string {
    const { namespace, name } = this.#options;
    return pathOf(LEASES, { namespace, name });
  }
}
