// ALLOW lists without an address: where no other list allows anybody, nobody may access the workspace.
import type { PlannedList } from '../../model/ingress-plan.ts';
import type { IpAccessList } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import { problemAbout } from '../../model/snapshot.ts';

interface InForce {
  readonly isOn: boolean;
  readonly lists: readonly PlannedList[];
}

export function emptyLists({ isOn, lists }: InForce, found: readonly IpAccessList[]): readonly Problem[] {
  const allowing = lists.filter(
    ({ listType, mode, enabled }) => listType === 'ALLOW' && mode === 'ENFORCED' && enabled,
  );
  if (allowing.some(({ ipAddresses }) => ipAddresses.length > 0)) return [];
  const names = new Set(allowing.map(({ listId }) => listId));
  const when = isOn ? '' : ' once enableIpAccessLists of the WorkspaceConf is true';
  const message = `Nobody may access the workspace${when}, since no ALLOW list has an address: add some, or set spec.enabled to false`;
  return found
    .filter(({ metadata }) => names.has(metadata.name))
    .map((list) => problemAbout(list, 'DeniesEverybody', message, 'spec.ipAddresses'));
}
