// Whether an entry of the policy that has expired would have allowed a connection: somebody meant that to end.
import { memoize } from '../../lib/memo.ts';
import type { DestinationGroup, EgressTableSpec } from '../../model/egress-table.ts';
import type { Lane } from '../../model/lane.ts';
import { indexTable, type TableIndex } from '../table-index.ts';
import { type DeniedTraffic, decideTraffic } from './denied-traffic.ts';

/** The entry, where there is one, for traffic that the table denies now. */
export function expiredEntryFor(
  { table }: TableIndex,
  {
    policy,
    lane,
    traffic,
  }: { readonly policy: string; readonly lane: Lane; readonly traffic: DeniedTraffic },
): string | undefined {
  const { verdict, rule } = decideTraffic(withoutEnds(table, policy), lane, traffic);
  return verdict === 'ALLOW' ? rule?.entry : undefined;
}

/** The table as if no allowed entry of the policy had ever expired. */
const withoutEnds = memoize((table: EgressTableSpec, policy: string): TableIndex => {
  const groups = table.groups.map((group): DestinationGroup => {
    const { expiresAt: _end, ...endless } = group;
    const isOwn = group.source === `NetworkPolicy/${policy}` && group.list === 'allowedInternetDestinations';
    return isOwn ? endless : group;
  });
  return indexTable({ ...table, groups }, 0);
});
