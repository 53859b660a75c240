// What the status of a pod says: whether its containers have started, so that it is exempt from new isolation, whether
// they have ended, and whether a gateway's Envoy goes on alone.
export interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly lastTransitionTime?: string;
  }[];
  /** Native sidecars among them. */
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
}

interface ContainerStatus {
  readonly name?: string;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly finishedAt?: string };
}

/** The containers of a gateway pod, as the chart names them. */
const AGENT = 'agent';
const ENVOY = 'envoy';

/**
 * Read strictly: a container of the workload itself runs, or has run. What only waits for a node, an image or its init
 * containers has not started. Admission checks the same on the stored pod (narrow-operator-on-pods.ts).
 */
export function hasStarted({ containerStatuses = [] }: PodStatus = {}): boolean {
  return containerStatuses.some(({ state, lastState }) =>
    [state?.running, state?.terminated, lastState?.terminated].some((found) => found !== undefined),
  );
}

/** Of a pod that starts nothing any more. Some say so while they still have a grace period. */
export const ENDED_PHASES: readonly string[] = ['Succeeded', 'Failed'];

/**
 * Whether nothing of it runs or will run. Admission checks the same before a pod is deleted (keep-pods.ts): a pod that
 * ran into its deadline, or whose node is lost, may have the phase and still run.
 */
export function hasEnded({
  phase = '',
  initContainerStatuses = [],
  containerStatuses = [],
  ephemeralContainerStatuses = [],
}: PodStatus = {}): boolean {
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return ENDED_PHASES.includes(phase) && all.every(({ state }) => state?.running === undefined);
}

/** When its last container ended, epoch milliseconds, at the latest; undefined while one runs, or it is not known. */
export function lastRanAtMs({
  initContainerStatuses = [],
  containerStatuses = [],
  ephemeralContainerStatuses = [],
}: PodStatus = {}): number | undefined {
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  const isSure = containerStatuses.length > 0 && containerStatuses.every(({ state }) => state?.terminated);
  if (!isSure || all.some(({ state }) => state?.running)) return undefined;
  const ends = all
    .flatMap(({ state }) => state?.terminated ?? [])
    .map((one) => Date.parse(one.finishedAt ?? ''));
  // The status has whole seconds.
  const last = Math.max(...ends) + 999;
  return Number.isNaN(last) ? undefined : last;
}

/** Whether the Envoy of a gateway pod runs. */
export function hasEnvoy(status: PodStatus): boolean {
  return envoySince(status) !== undefined;
}

function envoySince({ containerStatuses = [] }: PodStatus): number | undefined {
  return timeOf(containerStatuses.find(({ name }) => name === ENVOY)?.state?.running);
}

/**
 * Whether a gateway pod is not ready only because its agent has ended, and is being started again: its Envoy, which ran
 * before, serves what it had. Whatever the agent says once it has been ready again counts.
 */
export function isAgentAway(status: PodStatus): boolean {
  const { conditions = [], initContainerStatuses = [] } = status;
  const agent = initContainerStatuses.find(({ name }) => name === AGENT);
  const servedSince = envoySince(status);
  if (agent === undefined || servedSince === undefined) return false;
  const agentSince = timeOf(agent.state?.running);
  if (agentSince === undefined) return true;
  const unreadySince = timeOf({
    startedAt: conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime,
  });
  return agentSince > servedSince && unreadySince !== undefined && unreadySince <= agentSince;
}

/** Epoch milliseconds. */
function timeOf(running: { readonly startedAt?: string | undefined } | undefined): number | undefined {
  const time = Date.parse(running?.startedAt ?? '');
  return Number.isNaN(time) ? undefined : time;
}
