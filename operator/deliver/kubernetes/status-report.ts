// The operator's statuses and Events: statuses where they differ from the stored ones, and Events about transitions. It
// remembers what it wrote until the watch returns it, so that nothing is reported twice.
import { type KubernetesObject, objectKey, pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import { INPUT_RESOURCES } from '../../model/cluster-resources.ts';
import type { ClusterState, ObservedStatus } from '../../model/cluster-state.ts';
import { storedConditions } from '../../model/condition.ts';
import { renderEvents } from '../../render/kubernetes/events.ts';
import { renderDeadlineEvents } from '../../render/kubernetes/status/deadlines.ts';
import { renderExpiryEvents } from '../../render/kubernetes/status/expiries.ts';
import { renderStatuses } from '../../render/kubernetes/status/render-statuses.ts';
import type { StatusInput } from '../../render/kubernetes/status/status-index.ts';
import type { WantedStatus } from '../../render/kubernetes/status/wanted-status.ts';
import type { EventRecorder } from './event-recorder.ts';
import { inParallel } from './in-parallel.ts';
import { resourceOf, sendAsLeader, type WriteFailures } from './object-writer.ts';
import type { RestartReport } from './restart-report.ts';

export interface StatusReportOptions {
  readonly api: KubernetesApi;
  readonly recorder: EventRecorder;
  readonly restartReport: Pick<RestartReport, 'notify'>;
  readonly logger: Logger;
  readonly mayWrite: () => boolean;
}

interface Written {
  readonly uid: string;
  /** The stored status at the time of our write. */
  readonly before: unknown;
  readonly status: unknown;
}

/**
 * A changed policy is Pending for a moment. That is written at once to the policy, and to each of its workspaces only
 * when it takes longer: otherwise one more destination would be two writes for every workspace. So with the lists of one
 * workspace, which are Pending together.
 */
const PENDING_HOLD_MS = 2000;
const RETRY_MS = 1000;

export class StatusReport {
  readonly #options: StatusReportOptions;
  readonly #written = new Map<string, Written>();
  #pendingSince: ReadonlyMap<string, number> = new Map();

  constructor(options: StatusReportOptions) {
    this.#options = options;
  }

  /** Resolves with the time of the next report without a change of input, in epoch milliseconds. */
  async notify(input: StatusInput): Promise<number | undefined> {
    const { api, recorder, restartReport, logger, mayWrite } = this.#options;
    const { atMs, compiled } = input;
    const state: ClusterState = { ...input.state, statuses: this.#withWritten(input.state.statuses) };
    const { statuses, changesAtMs, restarts } = renderStatuses({ ...input, state });
    const { due, nextMs } = this.#withoutYoung(statuses, state, atMs);
    const unwritten = await writeStatuses(due.map(objectOf), { api, resources: INPUT_RESOURCES, mayWrite });
    for (const { item, error } of unwritten)
      logger.error('a status could not be written', { object: objectKey(item), error });
    const failedKeys = new Set(unwritten.map(({ item }) => objectKey(item)));
    const notified = due.filter(({ key }) => !failedKeys.has(key));
    for (const { key, uid, status } of notified) {
      this.#written.set(key, { uid, before: input.state.statuses.get(key)?.status, status });
    }
    const restartsAtMs = restartReport.notify({
      ...{ before: state.statuses, after: restarts, plans: compiled.plans, atMs },
    });
    const events = [
      ...renderEvents(notified, state.statuses),
      ...renderExpiryEvents(notified, state),
      ...renderDeadlineEvents(notified, state.statuses),
    ];
    for (const event of events) await recorder.record(event);
    const times = [changesAtMs, nextMs, restartsAtMs, unwritten.length > 0 ? atMs + RETRY_MS : undefined];
    const next = Math.min(...times.filter((time) => time !== undefined));
    return Number.isFinite(next) ? next : undefined;
  }

  #withWritten(stored: ClusterState['statuses']): ClusterState['statuses'] {
    const statuses = new Map<string, ObservedStatus>(stored);
    for (const [key, { uid, before, status }] of this.#written) {
      const seen = stored.get(key);
      if (seen?.uid === uid && seen.status === before) statuses.set(key, { ...seen, status });
      else this.#written.delete(key);
    }
    return statuses;
  }

  #withoutYoung(
    statuses: readonly WantedStatus[],
    state: ClusterState,
    atMs: number,
  ): { readonly due: readonly WantedStatus[]; readonly nextMs: number | undefined } {
    const pending = statuses.filter((status) => becomesPending(status, state.statuses.get(status.key)));
    this.#pendingSince = new Map(pending.map(({ key }) => [key, this.#pendingSince.get(key) ?? atMs]));
    const dueAtMs = (key: string): number => (this.#pendingSince.get(key) ?? -Infinity) + PENDING_HOLD_MS;
    const young = statuses.filter(({ key }) => dueAtMs(key) > atMs);
    return {
      due: statuses.filter(({ key }) => dueAtMs(key) <= atMs),
      nextMs: young.length === 0 ? undefined : Math.min(...young.map(({ key }) => dueAtMs(key))),
    };
  }
}

function objectOf({ apiVersion, kind, name, namespace, uid, status }: WantedStatus) {
  return { apiVersion, kind, metadata: { name, namespace, uid }, status };
}

const HELD_KINDS: readonly string[] = ['PolicyAssignment', 'IpAccessList', 'WorkspaceConf'];

/** What was in force, and is now only Pending. */
function becomesPending({ kind, status }: WantedStatus, stored: ObservedStatus | undefined): boolean {
  if (!HELD_KINDS.includes(kind)) return false;
  const conditionOf = (conditions: ReturnType<typeof storedConditions>, type: string) =>
    conditions.find((condition) => condition.type === type);
  const before = storedConditions(stored?.status);
  if (!saysSame(status, stored?.status)) return false;
  const others = status.conditions.filter(({ type }) => type !== 'Programmed' && type !== 'Ready');
  return (
    conditionOf(status.conditions, 'Programmed')?.reason === 'Pending' &&
    conditionOf(before, 'Programmed')?.status === 'True' &&
    others.every(({ type, status: is, reason }) => {
      const old = conditionOf(before, type);
      return old?.status === is && old.reason === reason;
    })
  );
}

/** Another policy, or another mode, is said at once. */
function saysSame(status: WantedStatus['status'], stored: unknown): boolean {
  const before = (stored ?? {}) as Readonly<Record<string, unknown>>;
  return ['enforcement', 'networkPolicyId'].every((field) => status[field] === before[field]);
}

const STATUS_MANAGER = 'sallyport-operator-status';

export interface StatusWriting {
  readonly api: KubernetesApi;
  readonly resources: readonly Resource[];
  readonly mayWrite: () => boolean;
}

/** By server-side apply, under a field manager of their own. Ignores objects that are gone meanwhile. */
export function writeStatuses(
  wanted: readonly KubernetesObject[],
  { api, resources, mayWrite }: StatusWriting,
): Promise<WriteFailures> {
  return inParallel(wanted, async ({ apiVersion, kind, metadata: { name, namespace, uid }, status }) => {
    const path = pathOf(resourceOf(resources, { apiVersion, kind }), {
      namespace,
      name,
      subresource: 'status',
    });
    const apply = (content: object): Promise<unknown> =>
      sendAsLeader(mayWrite, () =>
        api.request({
          method: 'PATCH',
          path,
          query: { fieldManager: STATUS_MANAGER, force: 'true' },
          body: { apiVersion, kind, metadata: { name, namespace }, ...content },
          contentType: 'application/apply-patch+yaml',
        }),
      );
    try {
      const answer = (await apply({ status })) as KubernetesObject;
      // The object was recreated: the status of the old one, with its generation, must not stay there. The server
      // checks no uid here.
      if (answer.metadata.uid !== uid) await apply({});
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
    }
  });
}
