// Whether a pod's containers have started, by its status: such a pod is exempt from new isolation.
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
 * containers has not started. Admission checks the same on the stored pod (narrow-operator-on-pods.ts).
 */
export function hasStarted({ containerStatuses = [] }: PodStatus = {}): boolean {
  return containerStatuses.some(({ state, lastState }) =>
    [state?.running, state?.terminated, lastState?.terminated].some((found) => found !== undefined),
  );
}
