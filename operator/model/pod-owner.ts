// Who owns a pod: the object that its own metadata names, and the one at the top of that chain, where somebody has
// followed it (sources/kubernetes/owner-chain.ts).
export interface PodController {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface TopOwner extends PodController {
  /** That of the pod. */
  readonly namespace: string;
}
