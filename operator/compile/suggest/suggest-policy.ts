// What was denied, and what was allowed -> what to add to a policy and what to remove. Every suggestion is tried with
// decide(): what it would not allow is listed apart, with why. An entry allows just what was asked for.
import { memoize } from '../../lib/memo.ts';
import { parseAllowedPattern } from '../../model/domain-name.ts';
import type { EgressTableSpec } from '../../model/egress-table.ts';
import { type EntryUse, useKey } from '../../model/entry-uses.ts';
import type { Lane } from '../../model/lane.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';
import type { ProductLane } from '../../model/workspace-plan.ts';
import type { Decision } from '../decide.ts';
import { indexTable, matchesOf, type TableIndex } from '../table-index.ts';
import { type DeniedTraffic, decideTraffic, enforcedLane } from './denied-traffic.ts';
import { type AddedEntry, entriesOf, needOf, type Wanted } from './needed-entries.ts';
import { suggestedGroups, suggestedTable } from './suggested-table.ts';
import { type UnusedEntries, type UnusedEntry, unusedEntries } from './unused-entries.ts';
import { endsByEntry, needsByHand, whyNot } from './why-not.ts';

/** A workspace under the policy, as it is compiled. */
export interface PlannedWorkspace {
  readonly name: string;
  readonly table: EgressTableSpec;
  readonly products: readonly ProductLane[];
}

export interface SuggestInput {
  readonly policy: NetworkPolicy;
  readonly workspaces: readonly PlannedWorkspace[];
  readonly traffic: readonly DeniedTraffic[];
  /** Undefined where nobody counts: then nothing is called unused. */
  readonly uses: readonly EntryUse[] | undefined;
  /** Beginning of the time that is looked at, and its end, epoch milliseconds. */
  readonly sinceMs: number;
  readonly atMs: number;
  /** Names directly below these become a wildcard. */
  readonly wildcardZones: readonly string[];
  /** Entries for what was asked less often are left out; 1 where absent. */
  readonly minCount?: number;
}

export interface NotSuggested {
  readonly traffic: DeniedTraffic;
  readonly reason: string;
  readonly why: string;
}

export interface Suggestion {
  readonly policy: string;
  /** What the policy was: entries to remove are numbers in its lists. */
  readonly basis: NetworkPolicy['spec'];
  /** All workspaces under the policy: what is added is for all of them. */
  readonly workspaces: readonly string[];
  readonly added: readonly AddedEntry[];
  /** How many entries are left out, since they were asked for too seldom. */
  readonly tooRare: number;
  readonly removed: readonly UnusedEntry[];
  /** Entries that are not counted for long enough; undefined where nobody counts. */
  readonly tooNew: number | undefined;
  readonly apart: readonly NotSuggested[];
  /** Denials of what the policy allows by now. */
  readonly allowedByNow: number;
}

export function suggestPolicy(input: SuggestInput): Suggestion {
  const present = new Map(input.workspaces.map(({ name, table }) => [name, indexTable(table, input.atMs)]));
  const judged = input.traffic.map((traffic) => judge(traffic, input, present));
  const allowed = judged.flatMap((one) => ('rule' in one ? [one] : []));
  const relied = new Set(allowed.flatMap(({ rule }) => rule ?? []));
  const unused = unusedOf(input, relied);
  const wanted = judged.flatMap((one) => ('need' in one ? [one] : []));
  const tried = tryOut(input, wanted, unused?.entries ?? []);
  const entries = entriesOf(tried.passing, input.wildcardZones);
  const added = entries.filter(({ evidence }) => evidence.count >= (input.minCount ?? 1));
  return {
    policy: input.policy.metadata.name,
    basis: input.policy.spec,
    workspaces: input.workspaces.map(({ name }) => name),
    added,
    tooRare: entries.length - added.length,
    removed: unused?.entries ?? [],
    tooNew: unused?.tooNew,
    apart: [...judged.flatMap((one) => ('why' in one ? [one] : [])), ...tried.failing],
    allowedByNow: allowed.reduce((sum, { traffic }) => sum + traffic.evidence.count, 0),
  };
}

/** Under full access nothing passes a gateway, so nobody counts. */
function unusedOf(
  { policy, workspaces, uses, sinceMs, atMs }: SuggestInput,
  relied: ReadonlySet<string>,
): UnusedEntries | undefined {
  const isCounted = workspaces.some(({ products }) => products.some(({ lane }) => lane !== 'full'));
  if (uses === undefined || !isCounted) return undefined;
  return unusedEntries(policy, { uses, relied, sinceMs, atMs });
}

interface Allowed {
  readonly traffic: DeniedTraffic;
  /** Key of the entry of the policy, where one decided. */
  readonly rule: string | undefined;
}

function judge(
  traffic: DeniedTraffic,
  { workspaces, policy }: SuggestInput,
  present: ReadonlyMap<string, TableIndex>,
): Wanted | Allowed | NotSuggested {
  const apart = (reason: string, why = whyNot(reason)): NotSuggested => ({ traffic, reason, why });
  const workspace = workspaces.find(({ name }) => name === traffic.workspace);
  const index = present.get(traffic.workspace);
  if (workspace === undefined || index === undefined)
    return apart(traffic.reason, 'the workspace is not under this policy any more');
  if (!endsByEntry(traffic.reason)) return apart(traffic.reason);
  const decision = decideTraffic(index, laneOf(workspace, traffic), traffic);
  if (decision.verdict === 'ALLOW') return { traffic, rule: ruleKey(decision, policy) };
  if (!endsByEntry(decision.reason)) return apart(decision.reason);
  if (needsByHand(traffic)) return apart('NOT_TLS');
  const endpoint = matchesOf(index, traffic.destination).find(
    ({ group }) => group.list === 'privateEndpoints',
  );
  if (endpoint !== undefined)
    return apart(decision.reason, `the name belongs to ${endpoint.group.source}: change its ports there`);
  const parsed = parseAllowedPattern(traffic.destination);
  return 'fault' in parsed
    ? apart(decision.reason, parsed.message)
    : { traffic, need: needOf(traffic, decision) };
}

function ruleKey({ rule }: Decision, policy: NetworkPolicy): string | undefined {
  if (rule?.source !== `NetworkPolicy/${policy.metadata.name}`) return undefined;
  return useKey(rule as Pick<EntryUse, 'list' | 'entry'>);
}

/** The lane in which the traffic would be under enforcement. */
function laneOf({ products }: PlannedWorkspace, { product, reason }: DeniedTraffic): Lane {
  const own = products.find((one) => one.product === product)?.lane;
  // Where products share a lane, its name is not in the row.
  return enforcedLane(own ?? (reason === 'INTERNET_SEALED' ? 'sealed' : 'enforced'));
}

interface TriedOut {
  readonly passing: readonly Wanted[];
  readonly failing: readonly NotSuggested[];
}

/** Each with the entries of all: what is denied all the same gets no entry. */
function tryOut(input: SuggestInput, wanted: readonly Wanted[], removed: readonly UnusedEntry[]): TriedOut {
  const entries = entriesOf(wanted, input.wildcardZones);
  const groups = suggestedGroups(input.policy, entries, removed);
  const workspaces = new Map(input.workspaces.map((workspace) => [workspace.name, workspace]));
  // Most workspaces under a policy share its table.
  const indexOf = memoize((table: EgressTableSpec) =>
    indexTable(suggestedTable(input.policy, table, groups), input.atMs),
  );
  const decided = wanted.map((one) => {
    const workspace = workspaces.get(one.traffic.workspace);
    const decision =
      workspace && decideTraffic(indexOf(workspace.table), laneOf(workspace, one.traffic), one.traffic);
    return { one, decision };
  });
  return {
    passing: decided.flatMap(({ one, decision }) => (decision?.verdict === 'ALLOW' ? [one] : [])),
    failing: decided.flatMap(({ one: { traffic }, decision }) => {
      const reason = decision?.reason ?? traffic.reason;
      return decision?.verdict === 'ALLOW' ? [] : [{ traffic, reason, why: whyNot(reason) }];
    }),
  };
}
