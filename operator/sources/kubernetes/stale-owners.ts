// Follows the owners of controllers of pods that must restart, in the background, and tells once there is more to know. So
// many pods can be stale at once as there are in a cluster, so it asks slowly: four requests at once and about fifty in a
// second, in the order that it was given. Whom nobody wants to know is forgotten, and where an owner could not be seen, a
// right may have been granted ten minutes later. What is not known costs nobody anything: the pod's own controller counts.
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { type Clock, type JobResult, Loop } from '../../lib/loop.ts';
import type { ControlledPod, TopOwner } from '../../model/pod-owner.ts';
import { type FollowedOwners, KNOWN_MS, OwnerChain, workloadAmong } from './owner-chain.ts';

export interface StaleOwnersOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly clock: Clock;
  /** There is more to know than known() said before. */
  readonly onChange: () => void;
  /** Once for each round; how many owners could not be read, and why the last of them. */
  readonly onFailure: (failure: {
    readonly owners: number;
    readonly owner: string;
    readonly error: Error;
  }) => void;
}

const SECOND_MS = 1000;
/** Of requests in a second; a chain that has begun ends beyond it. */
const MOST_REQUESTS = 50;
/** As many as the chain asks for at once. */
const AT_ONCE = 4;
/** Further ones are not followed. */
const MOST_FOLLOWED = 10_000;
/** While more is to come. */
const TELL_INTERVAL_MS = 10_000;
const ASK_AGAIN_MS: Readonly<Record<FollowedOwners['end'], number>> = {
  failed: 60_000,
  // The chain has forgotten it then.
  unseen: KNOWN_MS + SECOND_MS,
  top: 60 * 60_000,
};

interface Followed extends ControlledPod {
  readonly top: TopOwner | undefined;
  readonly askAtMs: number;
}

export class StaleOwners {
  readonly #options: StaleOwnersOptions;
  readonly #chain: OwnerChain;
  readonly #loop: Loop;
  #followed = new Map<string, Followed>();
  #known: ReadonlyMap<string, TopOwner> | undefined = new Map();
  #requests = 0;
  #isTold = true;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #failures: Parameters<StaleOwnersOptions['onFailure']>[0] | undefined;
  #readers = 0;
  #isStopping = false;

  constructor(options: StaleOwnersOptions) {
    this.#options = options;
    this.#chain = new OwnerChain({
      clock: options.clock,
      forbiddenMs: KNOWN_MS,
      api: {
        request: (request) => {
          this.#requests += 1;
          return options.api.request(request);
        },
      },
      onFailure: (failure) => {
        this.#failures = { ...failure, owners: (this.#failures?.owners ?? 0) + 1 };
      },
    });
    this.#loop = new Loop({
      job: () => this.#round(),
      minIntervalMs: SECOND_MS,
      retryIntervalMs: ASK_AGAIN_MS.failed,
      maxIntervalMs: ASK_AGAIN_MS.top,
      clock: options.clock,
      onFailure: (error) => options.onFailure({ owners: 0, owner: '', error: error as Error }),
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#loop.stop();
  }

  /** These and no others, from now on. */
  want(pods: readonly ControlledPod[]): void {
    const before = this.#followed;
    this.#followed = new Map(
      pods.slice(0, MOST_FOLLOWED).map((pod) => {
        const key = keyOf(pod);
        return [key, before.get(key) ?? { ...pod, top: undefined, askAtMs: Number.NEGATIVE_INFINITY }];
      }),
    );
    this.#known = undefined;
    if (this.#due().length > 0) this.#loop.trigger();
  }

  /** By uid of the controller. */
  known(): ReadonlyMap<string, TopOwner> {
    this.#isTold = true;
    this.#known ??= new Map(
      [...this.#followed.values()].flatMap(({ controller, top }) =>
        top === undefined ? [] : [[controller.uid, top] as const],
      ),
    );
    return this.#known;
  }

  /** As known(), once the first round is over where that takes no longer: few owners are known at once then. */
  async knownWithin(waitMs: number): Promise<ReadonlyMap<string, TopOwner>> {
    const waiting = new AbortController();
    const { signal } = waiting;
    this.#readers += 1;
    const waited = delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    await Promise.race([this.#loop.settled(), waited]);
    waiting.abort();
    this.#readers -= 1;
    return this.known();
  }

  async #round(): Promise<JobResult> {
    const { clock, onFailure } = this.#options;
    const startedAtMs = clock.nowMs();
    this.#requests = 0;
    const due = this.#due();
    let next = 0;
    for (; next < due.length && this.#requests < MOST_REQUESTS && !this.#isStopping; next += AT_ONCE)
      await Promise.all(due.slice(next, next + AT_ONCE).map((key) => this.#follow(key)));
    if (this.#failures !== undefined) onFailure(this.#failures);
    this.#failures = undefined;
    const isAll = next >= due.length;
    this.#tell(isAll);
    return { runAgainAtMs: isAll ? this.#nextMs() : startedAtMs + SECOND_MS };
  }

  async #follow(key: string): Promise<void> {
    const pod = this.#followed.get(key);
    if (pod === undefined) return;
    const followed = await this.#chain.follow(pod);
    // Nobody wants to know any more.
    if (!this.#followed.has(key)) return;
    const askAtMs = this.#options.clock.nowMs() + ASK_AGAIN_MS[followed.end];
    // What was known stays until more is known.
    const top = followed.end === 'failed' ? pod.top : workloadAmong(followed);
    this.#followed.set(key, { ...pod, top, askAtMs });
    if (JSON.stringify(top) === JSON.stringify(pod.top)) return;
    this.#known = undefined;
    this.#isTold = false;
  }

  /** Who waits reads it right now. */
  #tell(isAll: boolean): void {
    const { clock, onChange } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#isTold || this.#readers > 0 || (!isAll && nowMs - this.#toldAtMs < TELL_INTERVAL_MS)) return;
    this.#isTold = true;
    this.#toldAtMs = nowMs;
    onChange();
  }

  #due(): readonly string[] {
    const nowMs = this.#options.clock.nowMs();
    return [...this.#followed].flatMap(([key, { askAtMs }]) => (askAtMs <= nowMs ? [key] : []));
  }

  #nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { askAtMs } of this.#followed.values()) nextMs = Math.min(nextMs, askAtMs);
    return nextMs;
  }
}

function keyOf({ namespace, controller: { apiVersion, kind, name, uid } }: ControlledPod): string {
  return JSON.stringify([namespace, apiVersion, kind, name, uid]);
}
