// What a pod's status says of its containers, as far as it decides whether the pod is exempt from what is new.

export interface PodStatus {
  readonly containerStatuses?: readonly {
    readonly state?: ContainerState;
    readonly lastState?: ContainerState;
  }[];
}

interface ContainerState {
  readonly running?: object;
  readonly terminated?: object;
}

/**
 * Read strictly: a container of the workload itself runs, or has run. What only waits for a node, an image or its init
 * containers has not started. Admission asks the same of what is stored (narrow-operator-on-pods.ts).
 */
export function hasStarted({ containerStatuses = [] }: PodStatus = {}): boolean {
  return containerStatuses.some(({ state, lastState }) =>
    [state?.running, state?.terminated, lastState?.terminated].some((found) => found !== undefined),
  );
}
