// The gateway pods, as the agents see each other: which of them may be endpoints, and whether the one that holds the
// lease is gone, so that nobody needs to wait for it.
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { memoizeLast } from '../../lib/memo.ts';
import { PODS } from '../../model/cluster-resources.ts';
import type { PoolMember, Serving } from '../../model/cluster-state.ts';
import { GATEWAY_LABEL, GATEWAY_NAME } from '../../model/system-names.ts';
import {
  Reflector,
  type ReflectorOptions,
  type ReflectorProgress,
} from '../../sources/kubernetes/reflector.ts';
import { poolMemberOf } from '../../sources/kubernetes/trim.ts';

export interface GatewayPoolOptions
  extends Pick<ReflectorOptions<unknown>, 'api' | 'onChange' | 'onFailure'> {
  readonly namespace: string;
  /** Of this agent. */
  readonly podName: string;
}

const NOT_FOUND = 404;

export class GatewayPool {
  readonly #options: GatewayPoolOptions;
  readonly #members: Reflector<PoolMember>;
  /** What this gateway says of itself, whether the API server has heard so or not. */
  #own: Serving = 'new';
  readonly #serving = memoizeLast((members: readonly PoolMember[], own: Serving) =>
    own === 'new' ? members : members.map((member) => this.#limitOwn(member, own)),
  );

  constructor(options: GatewayPoolOptions) {
    this.#options = options;
    const { podName: _, ...shared } = options;
    this.#members = new Reflector<PoolMember>({
      ...{ ...shared, labelSelector: `${GATEWAY_LABEL}=${GATEWAY_NAME}` },
      ...{ resource: PODS, transform: poolMemberOf },
    });
  }

  start(): void {
    this.#members.start();
  }

  async stop(): Promise<void> {
    await this.#members.stop();
  }

  progress(): ReflectorProgress {
    return this.#members.progress();
  }

  hasSynced(): boolean {
    return this.#members.hasSynced();
  }

  /** It takes no new connections any more. */
  leave(): void {
    this.#own = 'existing';
  }

  /** Its Envoy has ended, too. */
  gone(): void {
    this.#own = 'none';
  }

  /** The very same array as before where nothing has changed. */
  pods(): readonly PoolMember[] {
    return this.#serving(this.#members.items(), this.#own);
  }

  #limitOwn(member: PoolMember, own: Serving): PoolMember {
    const isOwn = member.name === this.#options.podName && member.serving !== 'none';
    return isOwn ? { ...member, serving: own } : member;
  }

  ownAddresses(): readonly string[] {
    return this.#find(this.#options.podName)?.addresses ?? [];
  }

  /** Whether there is another gateway that stays. */
  hasOthers(): boolean {
    const { podName } = this.#options;
    return this.#members.items().some(({ name, isLeaving }) => name !== podName && !isLeaving);
  }

  /**
   * Whether a pod is no longer there, or is leaving. Two that leave take nothing from each other: the last ones of a pool
   * would do nothing else. One that is not known may only be new, so the API server is asked; and an agent that runs in
   * no pod knows nothing of others.
   */
  async isGone(name: string): Promise<boolean> {
    const member = this.#find(name);
    if (member !== undefined) return member.isLeaving && this.#own === 'new';
    return this.#find(this.#options.podName) !== undefined && !(await this.#exists(name));
  }

  #find(name: string): PoolMember | undefined {
    return this.#members.items().find((member) => member.name === name);
  }

  async #exists(name: string): Promise<boolean> {
    const { api, namespace } = this.#options;
    try {
      await api.request({ method: 'GET', path: pathOf(PODS, { namespace, name }) });
      return true;
    } catch (error) {
      if (error instanceof ApiFailure && error.status === NOT_FOUND) return false;
      throw error;
    }
  }
}
