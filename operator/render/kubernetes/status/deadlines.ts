// The countdown to the deadlines of a workspace: the status names those that come next, each with what Events have told of
// it. So each stage is reported once, whichever replica is leader.
import type { CountedDeadline, WorkspaceRestarts } from '../../../compile/restart-plan.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import { secondOf } from '../../../model/kubernetes-object.ts';
import {
  COUNTDOWN_STAGES,
  type CountdownStage,
  MOST_DEADLINES,
  type StatedDeadline,
} from '../../../model/policy-assignment.ts';
import { eventOf, type WantedEvent } from '../events.ts';
import type { FoundStatus } from './found-status.ts';
import type { WantedStatus } from './wanted-status.ts';

/** Of the period, what is left when a stage begins. */
const LEFT: Readonly<Record<CountdownStage, number>> = { Announced: 1, HalfLeft: 1 / 2, TenthLeft: 1 / 10 };

/** Left out where no deadline is to come. A clock that is set back takes no stage back. */
export function deadlineFields(
  restarts: WorkspaceRestarts | undefined,
  stored: unknown,
  atMs: number,
): FoundStatus['fields'] {
  const before = statedDeadlines(stored);
  const deadlines = (restarts?.deadlines ?? [])
    .filter((deadline) => deadline.atMs > atMs)
    .slice(0, MOST_DEADLINES)
    .map((deadline): StatedDeadline => {
      const { action, pods } = deadline;
      const time = secondOf(deadline.atMs);
      const told = before.find((one) => isSame(one, { time, action }))?.stage;
      const stage = laterOf(stageOf(deadline, atMs), told);
      return { time, action, pods, stage };
    });
  return deadlines.length === 0 ? {} : { deadlines };
}

/** When a stage begins, or a deadline is over, in epoch milliseconds. */
export function nextStage(
  restarts: ReadonlyMap<string, WorkspaceRestarts>,
  atMs: number,
): number | undefined {
  return [...restarts.values()]
    .flatMap(({ deadlines }) => deadlines)
    .flatMap((deadline) => [...COUNTDOWN_STAGES.map((stage) => beginOf(stage, deadline)), deadline.atMs])
    .filter((timeMs) => timeMs > atMs)
    .reduce<number | undefined>((least, timeMs) => Math.min(least ?? timeMs, timeMs), undefined);
}

function beginOf(stage: CountdownStage, { atMs, periodMs }: CountedDeadline): number {
  return atMs - periodMs * LEFT[stage];
}

function stageOf(deadline: CountedDeadline, atMs: number): CountdownStage {
  return COUNTDOWN_STAGES.findLast((stage) => beginOf(stage, deadline) <= atMs) ?? 'Announced';
}

function laterOf(one: CountdownStage, other: CountdownStage | undefined): CountdownStage {
  return rank(other) > rank(one) ? (other ?? one) : one;
}

function rank(stage: CountdownStage | undefined): number {
  return stage === undefined ? -1 : COUNTDOWN_STAGES.indexOf(stage);
}

/** Statuses as they were written and as they were before -> an Event for each stage that has begun. */
export function renderDeadlineEvents(
  written: readonly WantedStatus[],
  statuses: ClusterState['statuses'],
): readonly WantedEvent[] {
  return written.flatMap((status) => {
    const before = statedDeadlines(statuses.get(status.key)?.status);
    return statedDeadlines(status.status)
      .filter((one) => rank(one.stage) > rank(before.find((old) => isSame(old, one))?.stage))
      .map((one) =>
        eventOf(status, {
          type: 'Warning',
          reason: 'RestartDeadline',
          action: 'Restart',
          note: noteOf(one),
        }),
      );
  });
}

const SAID: Readonly<Record<CountdownStage, string>> = {
  Announced: '',
  HalfLeft: 'Half of the time has passed. ',
  TenthLeft: 'A tenth of the time is left. ',
};
const DONE = {
  Isolate: 'isolated (in a restricted lane they reach nothing outside then)',
  Evict: 'evicted',
} as const;

function noteOf({ time, action, pods, stage }: StatedDeadline): string {
  const who = pods === 1 ? '1 pod runs' : `${pods} pods run`;
  return `${SAID[stage]}${who} in another lane than the policy says. Those that have not restarted by ${time} are ${DONE[action]}, since its spec.staleWorkloads says so. Restart them before: status.staleWorkloads has the commands`;
}

function isSame(
  one: Pick<StatedDeadline, 'time' | 'action'>,
  other: Pick<StatedDeadline, 'time' | 'action'>,
): boolean {
  return one.time === other.time && one.action === other.action;
}

function statedDeadlines(status: unknown): readonly StatedDeadline[] {
  const { deadlines } = (status ?? {}) as { readonly deadlines?: unknown };
  return Array.isArray(deadlines) ? (deadlines as readonly StatedDeadline[]) : [];
}
