// What denials would need -> entries, each tried with decide(): what is denied all the same gets no entry.
import { memoize } from '../../lib/memo.ts';
import type { EgressTableSpec } from '../../model/egress-table.ts';
import type { Lane } from '../../model/lane.ts';
import { reasonAndNextStep } from '../../model/next-step.ts';
import type { Decision } from '../decide.ts';
import { indexTable } from '../table-index.ts';
import { type DeniedTraffic, decideTraffic } from './denied-traffic.ts';
import { type AddedEntry, entriesOf, type Wanted } from './needed-entries.ts';
import { suggestedGroups, suggestedTable } from './suggested-table.ts';
import type { NotSuggested, PlannedWorkspace, SuggestInput, Suggestion } from './suggestion.ts';
import type { UnusedEntry } from './unused-entries.ts';

export interface TryOptions {
  readonly removed: readonly UnusedEntry[];
  /** The lane in which the traffic would be under enforcement. */
  readonly laneOf: (workspace: PlannedWorkspace, traffic: DeniedTraffic) => Lane;
}

export type TriedOut = Pick<Suggestion, 'added' | 'heldBack' | 'tooRare'> & {
  readonly failing: readonly NotSuggested[];
};

export function tryOut(input: SuggestInput, wanted: readonly Wanted[], options: TryOptions): TriedOut {
  const { wildcardZones, includesDenied = false, minCount = 1 } = input;
  const decided = decisionsWith(input, wanted, { ...options, entries: entriesOf(wanted, wildcardZones) });
  const passing = decided.flatMap(({ one, decision }) => (decision?.verdict === 'ALLOW' ? [one] : []));
  const places = new Set(passing.flatMap((one) => (one.traffic.isDryRun ? [] : placesOf(one))));
  const isDenied = (one: Wanted): boolean => placesOf(one).some((place) => places.has(place));
  const denied = passing.filter(isDenied);
  const recorded = passing.filter((one) => !isDenied(one));
  const deniedEntries = entriesOf(denied, wildcardZones).map((entry) => ({ ...entry, isDenied: true }));
  const added = includesDenied
    ? [...entriesOf(recorded, wildcardZones), ...deniedEntries]
    : entriesBeside(input, { recorded, denied }, options);
  const heldBack = includesDenied ? [] : deniedEntries;
  const isOften = ({ evidence }: AddedEntry): boolean => evidence.count >= minCount;
  return {
    added: added.filter(isOften),
    heldBack: heldBack.filter(isOften),
    tooRare: [...added, ...heldBack].filter((entry) => !isOften(entry)).length,
    failing: decided.flatMap(({ one: { traffic }, decision }) => {
      const reason = decision?.reason ?? traffic.reason;
      return decision?.verdict === 'ALLOW' ? [] : [{ traffic, reason, why: reasonAndNextStep(reason) }];
    }),
  };
}

/** What stands for the same: all ways to a bucket are one. */
function placesOf({ need, traffic }: Wanted): readonly string[] {
  return need.list === 'allowedStorageDestinations'
    ? [traffic.destination, JSON.stringify(need.destination)]
    : [traffic.destination];
}

/** No wildcard where one would allow what was denied. */
function entriesBeside(
  input: SuggestInput,
  { recorded, denied }: { readonly recorded: readonly Wanted[]; readonly denied: readonly Wanted[] },
  options: TryOptions,
): readonly AddedEntry[] {
  const entries = entriesOf(recorded, input.wildcardZones);
  const decided = decisionsWith(input, denied, { ...options, entries });
  const isTooWide = decided.some(({ decision }) => decision?.verdict === 'ALLOW');
  return isTooWide ? entriesOf(recorded, []) : entries;
}

function decisionsWith(
  input: SuggestInput,
  wanted: readonly Wanted[],
  { entries, removed, laneOf }: TryOptions & { readonly entries: readonly AddedEntry[] },
): readonly { readonly one: Wanted; readonly decision: Decision | undefined }[] {
  const groups = suggestedGroups(input.policy, entries, removed);
  const workspaces = new Map(input.workspaces.map((workspace) => [workspace.name, workspace]));
  // Most workspaces under a policy share its table.
  const indexOf = memoize((table: EgressTableSpec) =>
    indexTable(suggestedTable(input.policy, table, groups), input.atMs),
  );
  return wanted.map((one) => {
    const workspace = workspaces.get(one.traffic.workspace);
    const decision =
      workspace && decideTraffic(indexOf(workspace.table), laneOf(workspace, one.traffic), one.traffic);
    return { one, decision };
  });
}
