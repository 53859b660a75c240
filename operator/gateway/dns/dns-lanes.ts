// Egress listeners, tables and plans -> the lanes that the DNS answers for. A table is made ready for look-ups once,
// and again when one of its entries expires.
import { missingTables } from '../../compile/missing-tables.ts';
import { indexTable, nextExpiry, type TableIndex } from '../../compile/table-index.ts';
import { DNS_OFFSET } from '../../model/lane-port.ts';
import type { CompiledObjects } from '../../pipeline.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';
import type { DnsLane } from './dns-lane.ts';

interface Indexed {
  readonly index: TableIndex;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

export class DnsLanes {
  #indexes: ReadonlyMap<string, Indexed> = new Map();

  /** As things are at that moment (epoch milliseconds). */
  of(
    egressListeners: readonly EgressListener[],
    compiled: CompiledObjects,
    atMs: number,
  ): readonly DnsLane[] {
    const indexes = this.#indexTables(compiled, atMs);
    const addresses = new Map(
      compiled.plans.flatMap(({ metadata: { name }, spec: { lanes = [] } }) =>
        lanes.map(({ lane, serviceAddresses = [] }) => [`${name} ${lane}`, serviceAddresses] as const),
      ),
    );
    return egressListeners.flatMap((egressListener) => {
      const { workspace, lane, product, address, port, table } = egressListener;
      const index = indexes.get(table);
      if (index === undefined) return [];
      // Where each product has an egress listener of its own there are no Services before them.
      const ownAddresses = product === undefined ? addresses.get(`${workspace} ${lane}`) : [address];
      return [{ egressListener, index, port: port + DNS_OFFSET, addresses: ownAddresses ?? [] }];
    });
  }

  #indexTables({ tables, plans }: CompiledObjects, atMs: number): ReadonlyMap<string, TableIndex> {
    const all = [...tables, ...missingTables(tables, plans)].map(({ metadata: { name }, spec }) => {
      const key = `${name}@${spec.revision}`;
      const known = this.#indexes.get(key);
      const isCurrent = known !== undefined && atMs < known.untilMs;
      const untilMs = nextExpiry(spec, atMs) ?? Number.POSITIVE_INFINITY;
      return { name, key, indexed: isCurrent ? known : { index: indexTable(spec, atMs), untilMs } };
    });
    this.#indexes = new Map(all.map(({ key, indexed }) => [key, indexed]));
    return new Map(all.map(({ name, indexed }) => [name, indexed.index]));
  }
}
