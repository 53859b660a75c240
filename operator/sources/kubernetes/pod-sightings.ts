// Tells of every pod that comes, changes and goes, as far as it says who used an address. One list and watch of all
// pods; what is kept of each is small.
import { controllerOf, type KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { PODS } from '../../model/cluster-resources.ts';
import type { PodSpec } from '../../model/pod-openings.ts';
import { hasEnded, lastRanAtMs, type PodStatus } from '../../model/pod-status.ts';
import { productOfLabels } from '../../model/product-detection.ts';
import type { SeenPod } from '../../model/seen-pod.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

export interface PodSightingsOptions extends Pick<ReflectorOptions<SeenPod>, 'api' | 'onFailure'> {
  readonly onPod: (pod: SeenPod, seenAtMs: number) => void;
  /** As it was last. */
  readonly onGone: (pod: SeenPod, seenAtMs: number) => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export class PodSightings {
  readonly #reflector: Reflector<SeenPod>;
  readonly #now: () => number;

  constructor({ api, onFailure, onPod, onGone, now = Date.now }: PodSightingsOptions) {
    this.#now = now;
    this.#reflector = new Reflector<SeenPod>({
      ...{ api, onFailure, resource: PODS, transform: seenPodOf, onChange: () => undefined },
      observer: { onItem: (pod) => onPod(pod, now()), onGone: (pod) => onGone(pod, now()) },
    });
  }

  start(): void {
    this.#reflector.start();
  }

  /** Resolves when all pods have been read once. */
  synced(): Promise<undefined> {
    return this.#reflector.synced();
  }

  /** Epoch milliseconds up to when everything is known; Infinity while the watch is in order. */
  knownUpToMs(): number {
    const { hasSynced, heardAtMs, error } = this.#reflector.progress();
    if (!hasSynced || heardAtMs === undefined) return Number.NEGATIVE_INFINITY;
    if (error === undefined) return Number.POSITIVE_INFINITY;
    return this.#now() - (performance.now() - heardAtMs);
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }
}

interface RawPod extends KubernetesObject {
  readonly spec?: PodSpec;
  readonly status?: RawStatus;
}

interface RawStatus extends PodStatus {
  readonly startTime?: string;
  readonly podIP?: string;
  readonly podIPs?: readonly { readonly ip: string }[];
}

function seenPodOf(raw: KubernetesObject): SeenPod {
  const { metadata, spec = {}, status = {} } = raw as RawPod;
  const { namespace = '', name, uid = '', labels = {}, ownerReferences } = metadata;
  const startedAtMs = Date.parse(status.startTime ?? '');
  return {
    ...{ namespace, name, uid, node: spec.nodeName ?? '' },
    isOnHostNetwork: spec.hostNetwork === true,
    addresses: addressesOf(status),
    startedAtMs: Number.isNaN(startedAtMs) ? undefined : startedAtMs,
    hasEnded: hasEnded(status),
    lastRanAtMs: lastRanAtMs(status),
    product: productOfLabels(labels),
    controller: controllerOf(ownerReferences),
  };
}

function addressesOf({ podIP, podIPs }: RawStatus): readonly string[] {
  if (podIPs !== undefined) return podIPs.map(({ ip }) => ip);
  return podIP === undefined ? [] : [podIP];
}
