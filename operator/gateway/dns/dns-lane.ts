// Where questions of one workspace and lane come in, and what is known about them: everything an answer and a row of
// the log depend on.
import type { TableIndex } from '../../compile/table-index.ts';
import type { Entrance } from '../../render/envoy/envoy-config.ts';

export interface DnsLane {
  readonly entrance: Entrance;
  /** UDP and TCP, on the entrance's address. */
  readonly port: number;
  /** Where allowed names lead: the lane's Service in a cluster, else the entrance itself. */
  readonly addresses: readonly string[];
  readonly index: TableIndex;
}
