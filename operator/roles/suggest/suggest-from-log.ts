// A denial log that answers SQL, the compiled policies, and counts of use -> a suggestion for each policy. For a folder
// with its own log, and for a cluster with a collector, alike.
import { type DeniedTraffic, type Evidence, sumEvidence } from '../../compile/suggest/denied-traffic.ts';
import { suggestPolicy } from '../../compile/suggest/suggest-policy.ts';
import type { Suggestion } from '../../compile/suggest/suggestion.ts';
import type { JsonRow, QueryAnswer } from '../../denials/query/run-query.ts';
import { selectDeniedTraffic } from '../../denials/query/select-denials.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import type { EntryUse } from '../../model/entry-uses.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';

export type AskLog = (sql: string) => Promise<QueryAnswer>;

export interface SuggestRequest {
  readonly policies: readonly NetworkPolicy[];
  readonly plans: readonly WorkspacePlan[];
  readonly tables: readonly EgressTable[];
  /** Of a policy; undefined where nobody counts. */
  readonly usesOf: (policy: string) => readonly EntryUse[] | undefined;
  /** Name or id; undefined: all. */
  readonly workspace: string | undefined;
  /** How far back from `atMs`, in milliseconds. */
  readonly spanMs: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Names directly below these become a wildcard. */
  readonly wildcardZones: readonly string[];
  /** Entries for what was asked less often are left out; 1 where absent. */
  readonly minCount?: number;
  /** Whether entries for what an enforced policy denied are part of the change. */
  readonly includesDenied: boolean;
}

export interface LogSuggestions {
  /** One for each policy of the workspaces that were asked for, in their order. */
  readonly suggestions: readonly Suggestion[];
  /** What is not part of any, a sentence for each. */
  readonly notes: readonly string[];
}

export type SuggestAnswer = LogSuggestions | { readonly error: string };

export async function suggestFromLog(ask: AskLog, request: SuggestRequest): Promise<SuggestAnswer> {
  const { plans, workspace, spanMs } = request;
  const chosen = plans.filter((plan) => isChosen(plan, workspace));
  if (chosen.length === 0) return { error: noWorkspace(workspace, plans) };
  const answer = await ask(selectDeniedTraffic({ sinceMs: spanMs, workspace }));
  if ('error' in answer) return answer;
  const traffic = answer.rows.map(trafficOf);
  const policies = new Set(chosen.map(({ spec }) => spec.networkPolicyId));
  const found = request.policies.filter(({ metadata }) => policies.has(metadata.name));
  return {
    suggestions: found.map((policy) => suggestionFor(policy, traffic, request)),
    notes: [
      ...missingPolicies(policies, found),
      ...unnamedTraffic(traffic),
      ...formerWorkspaces(traffic, plans),
      ...(answer.truncated ? [TRUNCATED] : []),
    ],
  };
}

const TRUNCATED =
  'There are more kinds of denied traffic than can be read at once: the most frequent ones are considered; use -n or a shorter --since for the others';
const OTHERS = '*';
const NOT_KEPT = 'DENIALS_NOT_KEPT';

function suggestionFor(
  policy: NetworkPolicy,
  traffic: readonly DeniedTraffic[],
  { plans, tables, usesOf, spanMs, atMs, wildcardZones, minCount = 1, includesDenied }: SuggestRequest,
): Suggestion {
  const { name } = policy.metadata;
  const workspaces = plans
    .filter(({ spec }) => spec.networkPolicyId === name)
    .flatMap(({ metadata, spec }) =>
      tables
        .filter((table) => table.metadata.name === spec.table)
        .map((table) => ({ name: metadata.name, table: table.spec, products: spec.products })),
    );
  const names = new Set(workspaces.map((one) => one.name));
  const own = traffic.filter(({ workspace, destination }) => names.has(workspace) && destination !== OTHERS);
  const sinceMs = atMs - spanMs;
  const uses = usesOf(name);
  return suggestPolicy({
    ...{ policy, workspaces, traffic: own, uses, sinceMs, atMs },
    ...{ wildcardZones, minCount, includesDenied },
  });
}

export function isChosen({ metadata, spec }: WorkspacePlan, workspace: string | undefined): boolean {
  return workspace === undefined || metadata.name === workspace || spec.workspaceId === workspace;
}

/** A row of selectDeniedTraffic(). */
function trafficOf(row: JsonRow): DeniedTraffic {
  const text = (column: string): string | null => (row[column] === null ? null : String(row[column]));
  const texts = (column: string): readonly string[] => (row[column] as readonly string[] | null) ?? [];
  const [workspace, product] = [text('workspace') ?? '', text('product')];
  return {
    ...{ workspace, product },
    destination: text('destination') ?? '',
    port: row['port'] === null ? null : Number(row['port']),
    protocol: text('protocol') as DeniedTraffic['protocol'],
    sni: text('sni'),
    reason: text('reason') ?? '',
    isDryRun: row['access_type'] === 'DRY_RUN_DENIAL',
    evidence: {
      count: Number(row['count']),
      firstSeen: text('first_seen') ?? '',
      lastSeen: text('last_seen') ?? '',
      products: product === null ? texts('source_types') : [product],
      workspaces: [workspace],
      pods: texts('pods'),
    },
  };
}

function noWorkspace(workspace: string | undefined, plans: readonly WorkspacePlan[]): string {
  if (workspace === undefined)
    return 'Cannot suggest anything: there is no workspace, a Namespace with the label "sallyport.dev/workspace"';
  const known = plans.map(({ metadata }) => `"${metadata.name}"`).join(', ');
  return `Cannot find workspace "${workspace}": ${known === '' ? 'there is none' : `there are ${known}`}`;
}

function missingPolicies(wanted: ReadonlySet<string>, found: readonly NetworkPolicy[]): readonly string[] {
  const names = new Set(found.map(({ metadata }) => metadata.name));
  return [...wanted]
    .filter((name) => !names.has(name))
    .map((name) => `NetworkPolicy "${name}" does not exist or cannot be read: write it, then suggest again`);
}

/** Denials whose destinations are not in the log. */
function unnamedTraffic(traffic: readonly DeniedTraffic[]): readonly string[] {
  const unnamed = traffic.filter(({ destination }) => destination === OTHERS);
  const [lost, others] = [true, false].map((isLost) =>
    evidenceOf(unnamed.filter(({ reason }) => (reason === NOT_KEPT) === isLost)),
  );
  return [
    ...(others === undefined
      ? []
      : [
          `${others.count} denials between ${others.firstSeen} and ${others.lastSeen} share rows that name no destination, since there were too many in one second: they are not considered; see --denial-rows`,
        ]),
    ...(lost === undefined
      ? []
      : [
          `${lost.count} denials between ${lost.firstSeen} and ${lost.lastSeen} were not kept: they are not considered`,
        ]),
  ];
}

function formerWorkspaces(
  traffic: readonly DeniedTraffic[],
  plans: readonly WorkspacePlan[],
): readonly string[] {
  const known = new Set(plans.map(({ metadata }) => metadata.name));
  const former = traffic.filter(
    ({ workspace, destination }) => !known.has(workspace) && destination !== OTHERS,
  );
  const evidence = evidenceOf(former);
  return evidence === undefined
    ? []
    : [
        `Not considered: ${evidence.count} denials of workspaces that are gone (${evidence.workspaces.join(', ')})`,
      ];
}

function evidenceOf(traffic: readonly DeniedTraffic[]): Evidence | undefined {
  return traffic.length === 0 ? undefined : sumEvidence(traffic.map(({ evidence }) => evidence));
}
