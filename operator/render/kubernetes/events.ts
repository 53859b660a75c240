// Stored statuses and wanted ones -> Events that report transitions. At first sight of an object only what is wrong is
// reported, and once: a cluster of a thousand workspaces must not begin with thousands of Events.
import type { ObservedStatus } from '../../model/cluster-state.ts';
import { type ConditionType, storedConditions } from '../../model/condition.ts';
import { truncatedNote } from '../../model/event-note.ts';
import type { StoredCondition } from '../../model/kubernetes-object.ts';
import { REMARKS } from './status/accepted.ts';
import type { WantedStatus } from './status/wanted-status.ts';

export interface WantedEvent {
  /** Key of the WantedStatus that it reports: the Event is valid only once that status is written. */
  readonly key: string;
  /** Where the Event lives: "default" for cluster-scoped objects. */
  readonly namespace: string;
  readonly regarding: RegardingObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  /** At most 1,024 bytes. */
  readonly note: string;
}

interface RegardingObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
}

type Recorded = Pick<WantedEvent, 'type' | 'reason' | 'action' | 'note'>;
type Conditions = ReadonlyMap<string, StoredCondition>;

export function renderEvents(
  wanted: readonly WantedStatus[],
  stored: ReadonlyMap<string, ObservedStatus>,
): readonly WantedEvent[] {
  return wanted.flatMap((status) => {
    const before = byType(storedConditions(stored.get(status.key)?.status));
    const notified = newsOf(status, before);
    const isFirstSight = before.size === 0;
    const shown = isFirstSight ? notified.filter(isNewsOfNew).slice(0, 1) : notified;
    return shown.map((news) => eventOf(status, news));
  });
}

/** An assignment comes before its workspace where people want no pod under another policy: its condition says it. */
function isNewsOfNew({ type, reason }: Recorded): boolean {
  return type === 'Warning' && reason !== 'WorkspaceNotFound';
}

function byType(conditions: readonly StoredCondition[]): Conditions {
  return new Map(conditions.map((condition) => [condition.type, condition]));
}

function newsOf({ kind, status }: WantedStatus, before: Conditions): readonly Recorded[] {
  const after = byType(status.conditions);
  const turn = (type: ConditionType): Turn => ({ before: before.get(type), after: after.get(type) });
  return [
    ...judgement(turn('Accepted'), 'Validate'),
    ...judgement(turn('ResolvedRefs'), 'Resolve'),
    // A change of one policy changes all its workspaces, and one list those beside it: reported once.
    ...(kind === 'NetworkPolicy' || kind === 'WorkspaceConf' ? programming(turn('Programmed')) : []),
    ...broaderPolicies(turn('BroaderPolicies')),
    ...stamping(turn('Ready'), after),
  ];
}

interface Turn {
  readonly before: StoredCondition | undefined;
  readonly after: StoredCondition | undefined;
}

/** Accepted and ResolvedRefs: another reason is a transition, too. */
function judgement({ before, after }: Turn, action: string): readonly Recorded[] {
  if (after === undefined || isSame(before, after) || isOnlyTime(before, after)) return [];
  const isFine = after.status !== 'False' && !REMARKS.some((remark) => remark === after.reason);
  return [{ type: isFine ? 'Normal' : 'Warning', reason: after.reason, action, note: after.message }];
}

/** An entry of an unchanged policy expires: status/expiries.ts reports it. */
function isOnlyTime(before: StoredCondition | undefined, after: StoredCondition): boolean {
  return (
    after.reason === 'Expired' &&
    before?.status === after.status &&
    before.observedGeneration === after.observedGeneration
  );
}

/** Every change passes through Pending; Pending and NotUsed are not reported. */
function programming({ before, after }: Turn): readonly Recorded[] {
  if (after === undefined || isSame(before, after)) return [];
  if (after.reason === 'Pending' || after.reason === 'NotUsed') return [];
  const type = after.status === 'True' ? 'Normal' : 'Warning';
  return [{ type, reason: after.reason, action: 'Program', note: after.message }];
}

function broaderPolicies({ before, after }: Turn): readonly Recorded[] {
  const action = 'Isolate';
  if (after?.status === 'True') {
    if (isSame(before, after) && before?.message === after.message) return [];
    return [{ type: 'Warning', reason: 'BroaderPolicies', action, note: after.message }];
  }
  if (before?.status !== 'True') return [];
  const note = 'Pods may reach what the policy says and nothing more';
  return [{ type: 'Normal', reason: 'NoBroaderPolicies', action, note }];
}

function stamping({ before, after }: Turn, conditions: Conditions): readonly Recorded[] {
  if (before?.reason !== 'NotStamped' || after?.reason === 'NotStamped') return [];
  // Otherwise something else blocks the stamp now, and has its own Event.
  const isSettled = ['Accepted', 'ResolvedRefs'].every((type) => conditions.get(type)?.status === 'True');
  if (!isSettled) return [];
  const note = 'Pods may start: they are stamped with the lanes of the policy';
  return [{ type: 'Normal', reason: 'WorkspaceReady', action: 'Stamp', note }];
}

function isSame(before: StoredCondition | undefined, after: StoredCondition): boolean {
  return before?.status === after.status && before.reason === after.reason;
}

export function eventOf({ key, status: _, ...object }: WantedStatus, notified: Recorded): WantedEvent {
  const namespace = object.namespace ?? 'default';
  return { key, namespace, regarding: object, ...notified, note: truncatedNote(notified.note) };
}
