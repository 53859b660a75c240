// Who was denied, in a cluster: the watch of pods, what it knows by address, and the owners of pods, linked.
import { PodDirectory } from '../../denials/identity/pod-directory.ts';
import { PodIdentifier } from '../../denials/identity/pod-identifier.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Denial } from '../../model/denial.ts';
import { OwnerChain } from '../../sources/kubernetes/owner-chain.ts';
import { PodSightings } from '../../sources/kubernetes/pod-sightings.ts';

export interface PodIdentityOptions {
  readonly api: KubernetesApi;
  readonly logger: Pick<Logger, 'warn'>;
}

export interface PodIdentity {
  readonly identify: (rows: readonly Denial[]) => Promise<readonly Denial[]>;
  readonly owners: OwnerChain;
  /** Resolves when all pods have been read once. */
  readonly synced: () => Promise<undefined>;
  readonly stop: () => Promise<void>;
}

export function startPodIdentity({ api, logger }: PodIdentityOptions): PodIdentity {
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
  sightings.start();
  return {
    ...{ owners, synced: () => sightings.synced(), stop: () => sightings.stop() },
    identify: (rows) => identifier.identify(rows),
  };
}
