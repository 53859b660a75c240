// What was denied, and what was allowed -> what to add to a policy and what to remove. Every suggestion is tried with
// decide(): what it would not allow is listed apart, with why. An entry allows just what was asked for. What an enforced
// policy denied may well be what it is for: entries for that are held back unless somebody asks for them.
import { parseAllowedPattern } from '../../model/domain-name.ts';
import { type EntryUse, useKey } from '../../model/entry-uses.ts';
import type { Lane } from '../../model/lane.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';
import { reasonAndNextStep } from '../../model/next-step.ts';
import type { Reason } from '../../model/reason.ts';
import type { Decision } from '../decide.ts';
import { indexTable, matchesOf, type TableIndex } from '../table-index.ts';
import { type DeniedTraffic, decideTraffic, enforcedLane } from './denied-traffic.ts';
import { endsByEntry, needsByHand } from './ends-by-entry.ts';
import { expiredEntryFor } from './expired-entry.ts';
import { needOf, type Wanted } from './needed-entries.ts';
import type { NotSuggested, PlannedWorkspace, SuggestInput, Suggestion } from './suggestion.ts';
import { tryOut } from './try-out.ts';
import { type UnusedEntries, unusedEntries } from './unused-entries.ts';

export function suggestPolicy(input: SuggestInput): Suggestion {
  const present = new Map(input.workspaces.map(({ name, table }) => [name, indexTable(table, input.atMs)]));
  const judged = input.traffic.map((traffic) => judge(traffic, input, present));
  const allowed = judged.flatMap((one) => ('rule' in one ? [one] : []));
  const relied = new Set(allowed.flatMap(({ rule }) => rule ?? []));
  const unused = unusedOf(input, relied);
  const apart = judged.flatMap((one) => ('why' in one ? [one] : []));
  const { wanted, doubtful } = withoutDoubtful(
    judged.flatMap((one) => ('need' in one ? [one] : [])),
    apart,
  );
  const { added, heldBack, tooRare, failing } = tryOut(input, wanted, {
    removed: unused?.entries ?? [],
    laneOf,
  });
  const hosts = new Set([...added, ...heldBack].flatMap((entry) => entry.hosts));
  const isReported = (one: NotSuggested): boolean => isUnreachable(one) && hosts.has(one.traffic.destination);
  return {
    policy: input.policy.metadata.name,
    basis: input.policy.spec,
    workspaces: input.workspaces.map(({ name }) => name),
    ...{ added, heldBack, tooRare },
    removed: unused?.entries ?? [],
    tooNew: unused?.tooNew,
    apart: [...apart.filter((one) => !isReported(one)), ...doubtful, ...failing],
    allowedByNow: countOf(allowed),
    unreachable: countOf(apart.filter(isReported)),
  };
}

function countOf(all: readonly { readonly traffic: DeniedTraffic }[]): number {
  return all.reduce((sum, { traffic }) => sum + traffic.evidence.count, 0);
}

const UNREACHABLE: readonly string[] = ['UNRESOLVED_OR_PRIVATE', 'ADDRESS_DENIED'] satisfies Reason[];

function isUnreachable({ reason }: NotSuggested): boolean {
  return UNREACHABLE.includes(reason);
}

/** Enforcement denies a name before it is resolved. Where the name leads nowhere elsewhere, an entry would not help. */
function withoutDoubtful(
  wanted: readonly Wanted[],
  apart: readonly NotSuggested[],
): { readonly wanted: readonly Wanted[]; readonly doubtful: readonly NotSuggested[] } {
  const reasons = new Map(
    apart.filter(isUnreachable).map(({ traffic, reason }) => [traffic.destination, reason]),
  );
  const doubtOf = ({ traffic }: Wanted): string | undefined =>
    traffic.isDryRun ? undefined : reasons.get(traffic.destination);
  return {
    wanted: wanted.filter((one) => doubtOf(one) === undefined),
    doubtful: wanted.flatMap((one) => {
      const reason = doubtOf(one);
      return reason === undefined ? [] : [{ traffic: one.traffic, reason, why: reasonAndNextStep(reason) }];
    }),
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
  const apart = (reason: string, why = reasonAndNextStep(reason)): NotSuggested => ({ traffic, reason, why });
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
  const expired = expiredEntryFor(index, {
    policy: policy.metadata.name,
    lane: laneOf(workspace, traffic),
    traffic,
  });
  if (expired !== undefined)
    return apart(
      decision.reason,
      `an entry of the policy allowed it until it expired (${expired}); if it is still needed, write it by hand`,
    );
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
