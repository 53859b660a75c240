// Tables at one moment, with their names in classes, and over how many tunnel check shards each is spread.
import type { EgressTable } from '../../model/egress-table.ts';
import { type ClassifiedTable, classifyTable } from './destination-classes.ts';
import { shardCounts } from './resource-names.ts';

export interface SpreadTable {
  readonly classified: ClassifiedTable;
  readonly shards: number;
}

/** In the order of the tables, which have their shards from one common budget. */
export function spreadTables(tables: readonly EgressTable[], atMs: number): readonly SpreadTable[] {
  const all = tables.map((table) => classifyTable(table, atMs));
  const shards = shardCounts(all.map(countNames));
  return all.map((classified, at) => ({ classified, shards: shards[at] ?? 1 }));
}

function countNames({ classes }: ClassifiedTable): number {
  return classes.reduce((sum, { patterns }) => sum + patterns.length, 0);
}
