// A policy and the implied objects of a workspace -> the EgressTable: allowed and blocked destinations, as groups of
// names. The table's name stands for its sources (policy and implied objects), its revision for its content: so a
// changed destination changes the revision under running connections, and nothing leaks between workspaces that share a
// policy.
import { memoize } from '../lib/memo.ts';
import type { DenyReason, EgressTable } from '../model/egress-table.ts';
import type { Metastore } from '../model/metastore.ts';
import type { NetworkPolicy } from '../model/network-policy.ts';
import type { PrivateEndpoint } from '../model/private-endpoint.ts';
import { compareText } from '../model/snapshot.ts';
import { contentHash } from './content-hash.ts';
import { keyedGroups, type SourceObject } from './destination-groups.ts';

/** What one table is made of; workspaces with the same sources share the table. */
export interface TableSources {
  readonly networkPolicyId: string;
  readonly policy?: NetworkPolicy;
  readonly denyReason?: DenyReason;
  readonly metastores: readonly Metastore[];
  readonly privateEndpoints: readonly PrivateEndpoint[];
}

/** The very same table as before for the very same sources. */
export function compileEgressTable(sources: TableSources): EgressTable {
  if (sources.denyReason !== undefined) return compile(sources);
  const place = sourceObjects(sources).reduce<Place>((at, object) => at.next(object), FIRST_PLACE);
  const isKnown = place.table?.spec.networkPolicyId === sources.networkPolicyId;
  const table = place.table === undefined || !isKnown ? compile(sources) : place.table;
  place.table = table;
  return table;
}

/** Where the table of these sources is remembered: a path of the objects themselves. */
interface Place {
  table?: EgressTable;
  readonly next: (object: object) => Place;
}

const FIRST_PLACE = newPlace();

function newPlace(): Place {
  return { next: memoize(newPlace) };
}

function sourceObjects({ policy, metastores, privateEndpoints }: TableSources): readonly SourceObject[] {
  return [...(policy === undefined ? [] : [policy]), ...metastores, ...privateEndpoints];
}

function compile(sources: TableSources): EgressTable {
  const keyed =
    sources.denyReason === undefined ? sourceObjects(sources).flatMap((object) => keyedGroups(object)) : [];
  const content = {
    networkPolicyId: sources.networkPolicyId,
    ...(sources.denyReason === undefined ? {} : { denyReason: sources.denyReason }),
    groups: keyed.toSorted((a, b) => compareText(a.key, b.key)).map(({ group }) => group),
  };
  return {
    kind: 'EgressTable',
    metadata: { name: tableName(sources) },
    spec: { ...content, revision: contentHash(content) },
  };
}

/** "<policy>-<hash of the sources' names>"; known before the content is, and unchanged by it. */
export function tableName(sources: TableSources): string {
  const conflicted = sources.denyReason === 'WORKSPACE_CONFLICTED' ? ['WORKSPACE_CONFLICTED'] : [];
  const names = [
    ...sources.metastores.map((metastore) => `Metastore/${metastore.metadata.name}`),
    ...sources.privateEndpoints.map((endpoint) => `PrivateEndpoint/${endpoint.metadata.name}`),
    ...conflicted,
  ];
  const hash = contentHash([sources.networkPolicyId, names]).slice(0, 8);
  // Ids may have upper-case letters, dots and underscores; names of objects may not begin with what is left of those.
  const policy = sources.networkPolicyId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return policy === '' ? `policy-${hash}` : `${policy}-${hash}`;
}
