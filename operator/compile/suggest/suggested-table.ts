// A policy with what is suggested -> its two lists as written, and the table that a workspace would have.
import type { DestinationGroup, EgressTableSpec } from '../../model/egress-table.ts';
import type { InternetDestination, NetworkPolicy } from '../../model/network-policy.ts';
import { keyedGroups } from '../destination-groups.ts';
import type { InternetEntry, SuggestedDestination } from './entry-of-host.ts';
import type { UnusedEntry } from './unused-entries.ts';

/** The table of a workspace with the policy as suggested. */
export function suggestedTable(
  policy: NetworkPolicy,
  table: EgressTableSpec,
  groups: readonly DestinationGroup[],
): EgressTableSpec {
  const source = `NetworkPolicy/${policy.metadata.name}`;
  return { ...table, groups: [...table.groups.filter((group) => group.source !== source), ...groups] };
}

export function suggestedGroups(
  policy: NetworkPolicy,
  added: readonly SuggestedDestination[],
  removed: readonly UnusedEntry[],
): readonly DestinationGroup[] {
  const access = policy.spec.egress.networkAccess;
  const lists = withSuggestion(
    { ...access },
    {
      added: added.map((one) =>
        one.list === 'allowedInternetDestinations'
          ? { ...one, destination: parsedEntry(one.destination) }
          : one,
      ),
      removed,
    },
  );
  const egress = { ...policy.spec.egress, networkAccess: { ...access, ...lists } };
  return keyedGroups({ ...policy, spec: { ...policy.spec, egress } } as NetworkPolicy).map(
    ({ group }) => group,
  );
}

function parsedEntry({ destination, ports }: InternetEntry): InternetDestination {
  return {
    destination,
    internetDestinationType: 'DNS_NAME',
    ...(ports === undefined ? {} : { ports: ports.map((entry) => ({ ...entry })) }),
  };
}

type Lists = Readonly<Partial<Record<SuggestedDestination['list'], readonly unknown[] | undefined>>>;

/** The two lists of a policy, as written, with the suggestion; a list that stays the same is left out. */
export function withSuggestion(
  written: Lists,
  {
    added,
    removed,
  }: {
    readonly added: readonly { list: string; destination: unknown }[];
    readonly removed: readonly UnusedEntry[];
  },
): Lists {
  const lists = (['allowedInternetDestinations', 'allowedStorageDestinations'] as const).flatMap((list) => {
    const gone = new Set(removed.flatMap((entry) => (entry.list === list ? [entry.at] : [])));
    const fresh = added.flatMap((entry) => (entry.list === list ? [entry.destination] : []));
    if (gone.size === 0 && fresh.length === 0) return [];
    return [[list, [...(written[list] ?? []).filter((_, at) => !gone.has(at)), ...fresh]] as const];
  });
  return Object.fromEntries(lists);
}
