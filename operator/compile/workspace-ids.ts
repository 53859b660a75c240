// Which Namespace has a workspace id, where several carry it in their label. Plans hold an id only where it is their
// own, so whoever looks one up among plans finds its owner or nobody.
import { memoize } from '../lib/memo.ts';
import { compareText, objectsOf, type Snapshot } from '../model/snapshot.ts';
import type { Workspace } from '../model/workspace.ts';

/** Id -> Namespace: the oldest with that label has it; of two of one age the first by name. */
export const ownersOfIds = memoize((snapshot: Snapshot): ReadonlyMap<string, string> => {
  const youngestFirst = objectsOf(snapshot, 'Workspace')
    .toSorted((a, b) => compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''))
    .toReversed();
  return new Map(youngestFirst.map(({ id, metadata }) => [id, metadata.name]));
});

/** Stands for the id of a workspace whose label names that of another. */
export const NO_ID = '';

export function ownId(snapshot: Snapshot, { id, metadata }: Workspace): string {
  return ownersOfIds(snapshot).get(id) === metadata.name ? id : NO_ID;
}

interface PlanWithId {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly workspaceId: string };
}

/** Plans of before, beside those of now: without the ids that others have now. */
export function withoutTakenIds<Plan extends PlanWithId>(
  former: readonly Plan[],
  now: readonly PlanWithId[],
): readonly Plan[] {
  const owners = new Map(now.map(({ metadata, spec }) => [spec.workspaceId, metadata.name]));
  return former.map((plan) => {
    const owner = owners.get(plan.spec.workspaceId);
    if (owner === undefined || owner === plan.metadata.name) return plan;
    return { ...plan, spec: { ...plan.spec, workspaceId: NO_ID } };
  });
}
