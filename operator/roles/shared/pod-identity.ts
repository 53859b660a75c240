// Who was denied, in a cluster: the watch of pods, what it knows by address, and the owners of pods, linked.
import { PodDirectory } from '../../denials/identity/pod-directory.ts';
import { PodIdentifier } from '../../denials/identity/pod-identifier.ts';
import type { ObjectReference } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import { PODS } from '../../model/cluster-resources.ts';
import type { Denial } from '../../model/denial.ts';
import { OwnerChain } from '../../sources/kubernetes/owner-chain.ts';
import { PodSightings } from '../../sources/kubernetes/pod-sightings.ts';

export interface PodIdentityOptions {
  readonly api: KubernetesApi;
  readonly logger: Pick<Logger, 'warn'>;
}

export interface PodIdentity {
  readonly identify: (rows: readonly Denial[]) => Promise<readonly Denial[]>;
  /** The pod of that uid, then the top of its owners, all in its Namespace; none where the pod is not known. */
  readonly objectsOf: (podUid: string) => Promise<readonly ObjectReference[]>;
  /** Of all pods that are known. */
  readonly namespaces: () => ReadonlySet<string>;
  readonly start: () => void;
  /** Resolves when all pods have been read once. */
  readonly synced: () => Promise<undefined>;
  readonly stop: () => Promise<void>;
}

export function createPodIdentity({ api, logger }: PodIdentityOptions): PodIdentity {
  const directory = new PodDirectory();
  const owners = new OwnerChain({
    api,
    onFailure: ({ owner, error }) => logger.warn('owner of a pod not found', { owner, error: error.message }),
  });
  const sightings = new PodSightings({
    api,
    onFailure: ({ reflector, error, retryInMs }) =>
      logger.warn('a watch failed and is tried again', { reflector, error: error.message, retryInMs }),
    onPod: (pod, seenAtMs) => {
      directory.put(pod, seenAtMs);
      identifier.noticeChange();
    },
    onGone: (pod, seenAtMs) => directory.remove(pod, seenAtMs),
  });
  const identifier = new PodIdentifier({
    directory,
    knownUpToMs: () => sightings.knownUpToMs(),
    ownerOf: async (pod) => {
      const top = await owners.topOf(pod);
      return top === undefined ? null : `${top.kind}/${top.name}`;
    },
  });
  return {
    start: () => sightings.start(),
    synced: () => sightings.synced(),
    stop: () => sightings.stop(),
    identify: (rows) => identifier.identify(rows),
    namespaces: () => directory.namespaces(),
    objectsOf: async (podUid) => {
      const pod = directory.podOf(podUid);
      if (pod === undefined) return [];
      const { apiVersion, kind } = PODS;
      const { name, uid, namespace } = pod;
      const top = await owners.topOf(pod);
      return [{ apiVersion, kind, name, uid, namespace }, ...(top === undefined ? [] : [top])];
    },
  };
}
