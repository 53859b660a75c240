// Who owns a pod: the object that its own metadata names, and the one at the top of that chain, where somebody has
// followed it (sources/kubernetes/owner-chain.ts).
export interface PodController {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** What can be one: pods say it, and whoever makes a pod writes that. */
export const OWNER_API_VERSION = /^(?:[a-z0-9]+(?:[-.][a-z0-9]+)*\/)?v[0-9a-z]{1,20}$/;

/** "apps" of "apps/v1" and of "apps"; "" of "v1". */
export function groupOf(apiVersion: string): string {
  return apiVersion === 'v1' ? '' : apiVersion.replace(/\/.*/, '');
}

export interface TopOwner extends PodController {
  /** That of the pod. */
  readonly namespace: string;
  /** All that is above it was seen, up to what nothing owns: no label names another workload then. */
  readonly isWhole?: boolean;
}

/** Whose owners can be followed. */
export interface ControlledPod {
  readonly namespace: string;
  readonly controller: PodController;
}
