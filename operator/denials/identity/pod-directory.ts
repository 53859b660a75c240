// Pods as they are seen in, the pod that had an address at a moment out. It reads no clock. It must never name a pod
// that may not have been the one: where several may have had the address at that moment, nobody is named.
import { plainAddress } from '../../model/address-range.ts';
import type { SeenPod } from '../../model/seen-pod.ts';

export type Found =
  | { readonly who: 'POD'; readonly pod: SeenPod }
  | { readonly who: 'HOST_NETWORK'; readonly node: string }
  | { readonly who: 'UNKNOWN_SOURCE' };

export interface AddressQuery {
  readonly address: string;
  /** A pod of another one is not named: the port that was used says the workspace, and no client can choose it. */
  readonly namespace: string;
  readonly atMs: number;
  /** Up to when everything that happened has been seen: of a later moment nobody knows whether a pod still had it. */
  readonly knownUpToMs: number;
}

export interface PodDirectoryOptions {
  /** So many pods that have ended are kept; of more, those that ended first are dropped. */
  readonly mostEnded?: number;
}

/** Rows of a gateway that was out of reach come late. */
const KEPT_MS = 15 * 60_000;
const MOST_ENDED = 50_000;

/** The time during which a pod may have had an address, which is not longer in truth. */
interface Holding {
  pod: SeenPod;
  readonly startMs: number;
  /** From here on, until its end, it had it for certain. */
  readonly seenAtMs: number;
  endMs: number;
}

interface Known {
  pod: SeenPod;
  readonly holdings: Map<string, Holding>;
  /** When it was last seen: an address that is new since then was not there before. */
  seenAtMs: number;
  /** When its end was seen. */
  endSeenAtMs?: number;
}

const UNKNOWN: Found = { who: 'UNKNOWN_SOURCE' };

export class PodDirectory {
  readonly #mostEnded: number;
  readonly #pods = new Map<string, Known>();
  /** In the order of their ends as seen. */
  readonly #ended = new Map<string, Known>();
  readonly #byAddress = new Map<string, Set<Holding>>();

  constructor({ mostEnded = MOST_ENDED }: PodDirectoryOptions = {}) {
    this.#mostEnded = mostEnded;
  }

  /** How many pods it knows, ended ones among them. */
  get size(): number {
    return this.#pods.size;
  }

  /** A pod that is there, new or changed. */
  put(pod: SeenPod, seenAtMs: number): void {
    const known = this.#pods.get(pod.uid);
    // Nothing comes back from its end.
    if (known?.endSeenAtMs !== undefined) return;
    const current = known ?? { pod, holdings: new Map<string, Holding>(), seenAtMs };
    this.#pods.set(pod.uid, current);
    this.#hold(current, pod, seenAtMs);
    current.pod = pod;
    current.seenAtMs = seenAtMs;
    if (pod.hasEnded) this.#end(current, seenAtMs);
    this.#forget(seenAtMs);
  }

  /** A pod that is gone, as it was last. */
  remove(pod: SeenPod, seenAtMs: number): void {
    const known = this.#pods.get(pod.uid);
    if (known !== undefined && known.endSeenAtMs === undefined) {
      this.#hold(known, pod, seenAtMs);
      known.pod = pod;
      this.#end(known, seenAtMs);
    }
    this.#forget(seenAtMs);
  }

  /** Also for a while after its end. */
  podOf(uid: string): SeenPod | undefined {
    return this.#pods.get(uid)?.pod;
  }

  namespaces(): ReadonlySet<string> {
    return new Set([...this.#pods.values()].map(({ pod }) => pod.namespace));
  }

  find({ address, namespace, atMs, knownUpToMs }: AddressQuery): Found {
    // Most are as they are kept.
    const held = [
      ...(this.#byAddress.get(address) ?? this.#byAddress.get(plainAddress(address) ?? address) ?? []),
    ];
    const possible = held.filter(({ startMs, endMs }) => startMs <= atMs && atMs <= endMs);
    const holding = possible.find((one) => possible.every((other) => isAfter(one, other, atMs)));
    if (holding === undefined || (holding.endMs === Number.POSITIVE_INFINITY && atMs > knownUpToMs))
      return UNKNOWN;
    const { pod } = holding;
    if (pod.isOnHostNetwork) return { who: 'HOST_NETWORK', node: pod.node };
    return pod.namespace === namespace ? { who: 'POD', pod } : UNKNOWN;
  }

  #hold(known: Known, pod: SeenPod, seenAtMs: number): void {
    const addresses = pod.addresses.map((address) => plainAddress(address) ?? address);
    for (const [address, holding] of known.holdings) {
      holding.pod = pod;
      // Addresses are named no longer when a pod has ended; otherwise its network was made anew.
      const isGone = addresses.length > 0 && !addresses.includes(address);
      if (isGone) holding.endMs = Math.min(holding.endMs, seenAtMs);
    }
    const isFirst = known.holdings.size === 0;
    for (const address of addresses.filter((one) => !known.holdings.has(one))) {
      const earliestMs = isFirst ? pod.startedAtMs : known.seenAtMs;
      const holding = {
        ...{ pod, seenAtMs, endMs: Number.POSITIVE_INFINITY },
        startMs: Math.min(seenAtMs, earliestMs ?? seenAtMs),
      };
      known.holdings.set(address, holding);
      this.#byAddress.set(address, (this.#byAddress.get(address) ?? new Set()).add(holding));
    }
  }

  #end(known: Known, seenAtMs: number): void {
    const endMs = Math.min(seenAtMs, known.pod.lastRanAtMs ?? seenAtMs);
    for (const holding of known.holdings.values()) holding.endMs = Math.min(holding.endMs, endMs);
    known.endSeenAtMs = seenAtMs;
    this.#ended.set(known.pod.uid, known);
  }

  #forget(nowMs: number): void {
    for (const [uid, { holdings, endSeenAtMs = nowMs }] of this.#ended) {
      if (this.#ended.size <= this.#mostEnded && endSeenAtMs >= nowMs - KEPT_MS) return;
      this.#ended.delete(uid);
      this.#pods.delete(uid);
      for (const [address, holding] of holdings) this.#release(address, holding);
    }
  }

  #release(address: string, holding: Holding): void {
    const all = this.#byAddress.get(address);
    all?.delete(holding);
    if (all?.size === 0) this.#byAddress.delete(address);
  }
}

/**
 * Whether `one` had the address at that moment though `other` may seem to: an address has one holder at a time. `other`
 * was seen with it before `one` could have it, and `one` was seen with it since. So a pod whose end is noticed late, or
 * never, hides nobody. All pods of one node that use its network are the same.
 */
function isAfter(one: Holding, other: Holding, atMs: number): boolean {
  if (one === other) return true;
  if (one.pod.isOnHostNetwork && other.pod.isOnHostNetwork && one.pod.node === other.pod.node) return true;
  return other.seenAtMs <= one.startMs && one.seenAtMs <= atMs;
}
