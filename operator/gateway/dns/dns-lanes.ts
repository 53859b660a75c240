// Egress listeners, tables and plans -> the lanes that the DNS answers for.
import { missingTables } from '../../compile/missing-tables.ts';
import { indexTable, type TableIndex } from '../../compile/table-index.ts';
import { DNS_OFFSET } from '../../model/lane-port.ts';
import type { CompiledObjects } from '../../pipeline.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';

/** Where questions of one workspace and lane come in, and everything that an answer and a row of the log depend on. */
export interface DnsLane {
  readonly egressListener: EgressListener;
  /** UDP and TCP, on the egress listener's address. */
  readonly port: number;
  /** Addresses of allowed names: the lane's Service in a cluster, else the egress listener itself. */
  readonly addresses: readonly string[];
  readonly index: TableIndex;
}

/** As of that moment (epoch milliseconds). */
export function dnsLanes(
  egressListeners: readonly EgressListener[],
  { tables, plans }: CompiledObjects,
  atMs: number,
): readonly DnsLane[] {
  const all = [...tables, ...missingTables(tables, plans)];
  const indexes = new Map(all.map(({ metadata: { name }, spec }) => [name, indexTable(spec, atMs)]));
  const addresses = new Map(
    plans.flatMap(({ metadata: { name }, spec: { lanes = [] } }) =>
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
