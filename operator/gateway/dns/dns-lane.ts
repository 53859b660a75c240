// Where questions of one workspace and lane come in, and what is known about them: everything an answer and a row of
// the log depend on.
import type { TableIndex } from '../../compile/table-index.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';

export interface DnsLane {
  readonly egressListener: EgressListener;
  /** UDP and TCP, on the egress listener's address. */
  readonly port: number;
  /** Where allowed names lead: the lane's Service in a cluster, else the egress listener itself. */
  readonly addresses: readonly string[];
  readonly index: TableIndex;
}
