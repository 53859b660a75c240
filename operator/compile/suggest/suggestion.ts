// What suggestions are made of, and what they say.
import type { EgressTableSpec } from '../../model/egress-table.ts';
import type { EntryUse } from '../../model/entry-uses.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';
import type { ProductLane } from '../../model/workspace-plan.ts';
import type { DeniedTraffic } from './denied-traffic.ts';
import type { AddedEntry } from './needed-entries.ts';
import type { TooNewEntry, UnusedEntry } from './unused-entries.ts';

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
  /** Add entries for what an enforced policy denied, too. */
  readonly includesDenied?: boolean | undefined;
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
  /** For what an enforced policy denied, where that is not included: no part of the change. */
  readonly heldBack: readonly AddedEntry[];
  /** How many entries are left out, since they were asked for too seldom. */
  readonly tooRare: number;
  readonly removed: readonly UnusedEntry[];
  /** Entries that are not counted for long enough; undefined where nobody counts. */
  readonly tooNew: readonly TooNewEntry[] | undefined;
  readonly apart: readonly NotSuggested[];
  /** Denials of what the policy allows by now. */
  readonly allowedByNow: number;
  /** Connections to hosts among the entries that found no address, or a private one. */
  readonly unreachable: number;
}
