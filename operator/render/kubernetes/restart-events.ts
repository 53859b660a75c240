// What must restart, and what Events said before -> the Events that are due: one for each workload that must restart under
// another lane, and one once it no longer must. A workload may get another name while its owners are being read, so a new
// one waits for a moment, and those that seem to be done wait for it. Beyond the worst of a workspace one Event counts.
import type { StaleWorkload, WorkspaceRestarts } from '../../compile/restart-plan.ts';
import type { ClusterState } from '../../model/cluster-state.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import { MOST_STALE_WORKLOADS } from '../../model/policy-assignment.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { WantedEvent } from './events.ts';
import {
  HOLD_MS,
  isNoted,
  type NamedWorkload,
  type RememberedWorkload,
  type RememberedWorkloads,
  type RememberedWorkspace,
  type RestartMemory,
  restartsInStatus,
  workloadKey,
} from './restart-memory.ts';
import { completedNote, countedNote, nothingLeftNote, requiredNote } from './restart-notes.ts';

export interface RestartEventsInput {
  /** As they are stored. */
  readonly before: ClusterState['statuses'];
  /** By workspace. */
  readonly after: ReadonlyMap<string, WorkspaceRestarts>;
  readonly plans: readonly WorkspacePlan[];
  readonly remembered: RestartMemory;
  readonly atMs: number;
}

export interface RestartEvents {
  readonly events: readonly RestartEvent[];
  readonly remembered: RestartMemory;
  /** Epoch milliseconds at which more are due without a change. */
  readonly changesAtMs: number | undefined;
}

export interface RestartEvent extends Pick<WantedEvent, 'namespace' | 'regarding' | 'type' | 'note'> {
  readonly reason: 'RestartRequired' | 'RestartCompleted';
  /** What it is about, whatever it says of it. */
  readonly subject: string;
  /** Two Events with the same one are the same, whoever writes them. */
  readonly id: string;
  /** 0 is the worst of its workspace. */
  readonly rank: number;
}

/** A workspace that is none any more is forgotten. */
export function restartEvents(input: RestartEventsInput): RestartEvents {
  const { before, after, plans, remembered, atMs } = input;
  const found = plans.map((plan) => {
    const { name } = plan.metadata;
    const assignment = before.get(`PolicyAssignment/${name}`);
    const now = after.get(name)?.workloads ?? [];
    const known = remembered.get(name) ?? restartsInStatus(assignment?.status, now, atMs);
    return { name, ...workspaceEvents(known, { plan, assignmentUid: assignment?.uid, now, atMs }) };
  });
  const changesAtMs = Math.min(...found.map(({ dueAtMs }) => dueAtMs));
  return {
    events: found.flatMap(({ events }) => events),
    remembered: new Map(found.map((one) => [one.name, one.remembered])),
    changesAtMs: Number.isFinite(changesAtMs) ? changesAtMs : undefined,
  };
}

const DONE = { reason: 'RestartCompleted', type: 'Normal' } as const;

interface Look {
  readonly plan: WorkspacePlan;
  /** Undefined: it is not there. */
  readonly assignmentUid: string | undefined;
  /** The worst first. */
  readonly now: readonly StaleWorkload[];
  readonly atMs: number;
}

interface WorkspaceEvents {
  readonly events: readonly RestartEvent[];
  readonly remembered: RememberedWorkspace;
  /** When more are due; infinite where nothing waits. */
  readonly dueAtMs: number;
}

function workspaceEvents(known: RememberedWorkspace, look: Look): WorkspaceEvents {
  const nothingDue = { events: [], dueAtMs: Number.POSITIVE_INFINITY };
  if (saysAll(known.workloads, look)) return { ...nothingDue, remembered: known };
  const required = requiredEvents(presentWorkloads(known.workloads, look), look);
  const waiting = [...required.workloads.values()].filter((one) => !isNoted(one));
  const gone = goneWorkloads(known.workloads, look);
  const isSure = waiting.length === 0;
  const hasCounted = known.hasCounted || required.hasCounted;
  const isAllDone = look.now.length === 0 && hasCounted;
  return {
    events: [
      ...required.events,
      ...(isSure ? [...gone.values()].flatMap((one) => completedEvent(one, look)) : []),
      ...(isAllDone ? ofAssignment(look, DONE, nothingLeftNote(look.plan)) : []),
    ],
    remembered: {
      workloads: new Map([...(isSure ? [] : gone), ...required.workloads]),
      hasCounted: hasCounted && !isAllDone,
    },
    dueAtMs: Math.min(...waiting.map(({ dueAtMs }) => dueAtMs)),
  };
}

/** At rest, where thousands of workloads may wait for people: each is as it was, and what Events say of it too. */
function saysAll(known: RememberedWorkloads, { now }: Look): boolean {
  return (
    known.size === now.length &&
    now.every((workload) => {
      const one = known.get(workloadKey(workload));
      return one !== undefined && one.notedLane === workload.policyLane && isSame(one, workload);
    })
  );
}

function isSame({ workload: old, regarding }: RememberedWorkload, workload: StaleWorkload): boolean {
  const { policyLane, staleSinceMs, podNames, lanes, uid = workload.podUid } = workload;
  return (
    regarding?.uid === uid &&
    old.policyLane === policyLane &&
    old.staleSinceMs === staleSinceMs &&
    areEqual(old.podNames, podNames) &&
    areEqual(old.lanes, lanes)
  );
}

function areEqual(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, at) => text === others[at]);
}

/** Those of now, each with what is known of it, be it under another name. */
function presentWorkloads(known: RememberedWorkloads, { now, atMs }: Look): RememberedWorkloads {
  const former = formerNames(known, now);
  return new Map(
    now.map((workload): [string, RememberedWorkload] => {
      const key = workloadKey(workload);
      const old = known.get(key) ?? workload.podNames.map((pod) => former.get(pod)).find(Boolean);
      const isNews = old === undefined || (isNoted(old) && old.notedLane !== workload.policyLane);
      return [
        key,
        {
          ...{ workload, regarding: regardingWorkload(workload) },
          ...{ notedLane: old?.notedLane, isNamed: old?.isNamed ?? false },
          dueAtMs: isNews ? atMs + HOLD_MS : old.dueAtMs,
        },
      ];
    }),
  );
}

/** By pod: workloads of which the name is gone. */
function formerNames(
  known: RememberedWorkloads,
  now: readonly StaleWorkload[],
): ReadonlyMap<string, RememberedWorkload> {
  const keys = new Set(now.map(workloadKey));
  if ([...keys].every((key) => known.has(key))) return new Map();
  return new Map(
    [...known]
      .filter(([key]) => !keys.has(key))
      .flatMap(([, one]) => one.workload.podNames.map((pod) => [pod, one] as const)),
  );
}

/** Those that Events name, and of which no pod is among those of now. */
function goneWorkloads(known: RememberedWorkloads, { now }: Look): RememberedWorkloads {
  const keys = new Set(now.map(workloadKey));
  const pods = new Set(now.flatMap(({ podNames }) => podNames));
  return new Map(
    [...known].filter(
      ([key, { isNamed, workload }]) =>
        isNamed && !keys.has(key) && !workload.podNames.some((pod) => pods.has(pod)),
    ),
  );
}

interface Required {
  readonly events: readonly RestartEvent[];
  readonly workloads: RememberedWorkloads;
  readonly hasCounted: boolean;
}

function requiredEvents(present: RememberedWorkloads, look: Look): Required {
  const { now, plan, atMs } = look;
  const due = now.filter((workload) => {
    const one = present.get(workloadKey(workload));
    return one !== undefined && !isNoted(one) && one.dueAtMs <= atMs;
  });
  const worst = now.slice(0, MOST_STALE_WORKLOADS);
  const named = due.filter((workload) => worst.includes(workload));
  const workloads = new Map(present);
  for (const workload of due) {
    const key = workloadKey(workload);
    const one = present.get(key);
    const isNamed = one?.isNamed === true || named.includes(workload);
    if (one !== undefined) workloads.set(key, { ...one, notedLane: workload.policyLane, isNamed });
  }
  const rest = now.filter((workload) => isCounted(workloads.get(workloadKey(workload))));
  const type = rest.some(({ isMoreOpen }) => isMoreOpen) ? 'Warning' : 'Normal';
  const hasCounted = due.length > named.length;
  return {
    events: [
      ...named.map((workload) => requiredEvent(workload, look)),
      ...(hasCounted ? ofAssignment(look, { reason: 'RestartRequired', type }, countedNote(rest, plan)) : []),
    ],
    ...{ workloads, hasCounted },
  };
}

function isCounted(one: RememberedWorkload | undefined): boolean {
  return one !== undefined && isNoted(one) && !one.isNamed;
}

function requiredEvent(workload: StaleWorkload, { plan, now }: Look): RestartEvent {
  return {
    ...ofWorkload('RestartRequired', workload, plan),
    ...{ namespace: workload.namespace, regarding: regardingWorkload(workload) },
    ...{ type: workload.isMoreOpen ? 'Warning' : 'Normal', note: requiredNote(workload, plan) },
    rank: now.indexOf(workload),
  };
}

/** On the PolicyAssignment where nobody knows an object of the workload. */
function completedEvent({ workload, regarding }: RememberedWorkload, look: Look): readonly RestartEvent[] {
  const { plan } = look;
  const note = completedNote(workload, plan, laneOf(plan, workload.product));
  const { subject, id } = ofWorkload('RestartCompleted', workload, plan);
  if (regarding === undefined)
    return ofAssignment(look, DONE, note).map((event) => ({ ...event, subject, id }));
  const namespace = plan.metadata.name;
  return [{ subject, id, ...DONE, namespace, regarding, note, rank: 0 }];
}

function ofWorkload(
  reason: RestartEvent['reason'],
  workload: NamedWorkload,
  { metadata: { name } }: WorkspacePlan,
): Pick<RestartEvent, 'reason' | 'subject' | 'id'> {
  const { policyLane, staleSinceMs = 0 } = workload;
  const subject = `${name} ${workloadKey(workload)}`;
  const id = [subject, reason, policyLane, Math.floor(staleSinceMs / 1000)].join(' ');
  return { reason, subject, id };
}

/** None where it is not there. */
function ofAssignment(
  { plan, assignmentUid: uid, atMs }: Look,
  { reason, type }: Pick<RestartEvent, 'reason' | 'type'>,
  note: string,
): readonly RestartEvent[] {
  const { name } = plan.metadata;
  if (uid === undefined) return [];
  const regarding = { apiVersion: API_VERSION, kind: 'PolicyAssignment', name, uid };
  const id = [name, reason, atMs].join(' ');
  return [{ subject: name, id, reason, type, namespace: 'default', regarding, note, rank: 0 }];
}

/** One of its pods where the uid of the workload is not known, by which people find Events. */
function regardingWorkload(workload: StaleWorkload): WantedEvent['regarding'] {
  const { apiVersion, kind, name, namespace, uid, podNames, podUid } = workload;
  if (uid !== undefined) return { apiVersion, kind, name, namespace, uid };
  return { apiVersion: 'v1', kind: 'Pod', name: podNames[0] ?? '', namespace, uid: podUid };
}

function laneOf({ spec: { products } }: WorkspacePlan, product: string): string | undefined {
  const of = (name: string) => products.find((one) => one.product === name)?.lane;
  return of(product) ?? of('GENERAL');
}
