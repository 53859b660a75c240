// One denied connection (in dry-run: one that would have been denied), as people query it. The first ten fields are the
// columns of system.access.outbound_network (R66-R70); the rest is what that table lacks: which policy, which rule,
// why, and where in the log.
import type { PortProtocol } from './network-policy.ts';

export type AccessType = 'DROP' | 'DRY_RUN_DENIAL';

export type DestinationType = 'DNS' | 'IP' | 'STORAGE';

interface DnsEvent {
  readonly domainName: string;
  /** DNS response code, or null where the connection was denied and the name was not resolved. */
  readonly rcode: number | null;
}

export interface StorageEvent {
  /** The storage location as people write it, for example "s3://acme-data". */
  readonly hostname: string;
  readonly path: string | null;
  readonly rejectionReason: string;
}

export interface Denial {
  readonly accountId: string;
  readonly workspaceId: string;
  /** "<gateway>/<log file>/<byte offset>": the same line shipped twice has the same id. */
  readonly eventId: string;
  readonly destinationType: DestinationType;
  readonly destination: string;
  readonly dnsEvent: DnsEvent | null;
  readonly storageEvent: StorageEvent | null;
  /** UTC, ISO 8601 with milliseconds or finer. */
  readonly eventTime: string;
  readonly accessType: AccessType;
  /** Null where the product is not known. */
  readonly networkSourceType: string | null;
  /** Namespace that is the workspace. */
  readonly workspace: string;
  /** Null where the gateway does not know it: in a cluster, pods of several products share a lane. */
  readonly product: string | null;
  readonly policy: string;
  /** Revision of the egress table that decided. */
  readonly revision: string;
  /** The entry that decided, for example `blockedInternetDestinations "*.evil.example"`; null where none matched. */
  readonly rule: string | null;
  readonly reason: string;
  readonly port: number | null;
  readonly sni: string | null;
  /** Address and port of the client, "ip:port". */
  readonly source: string;
  /** Number among the rows of its gateway (numberRows()). */
  readonly sequence: number;
  /** How many denials the row stands for: 1, or more where a lane had too many in one second. */
  readonly repeats: number;
  /** Some of the destinations, where the row stands for several; then `destination` is "*". */
  readonly sample: readonly string[] | null;
  /** Name of the pod in its workspace; null where it is not known. */
  readonly pod: string | null;
  readonly podUid: string | null;
  readonly node: string | null;
  /** The top of the pod's owners that are there, for example "Deployment/etl"; null where none is, or nobody looked. */
  readonly owner: string | null;
  /** What was found about the source; null where nobody looked, as in `run`. */
  readonly who: Who | null;
  /** How many denials the row says were not kept; 0 in a row for denials. */
  readonly lost: number;
  /** Null where nobody saw the first bytes, and for a DNS question. */
  readonly protocol: PortProtocol | null;
}

/** HOST_NETWORK: a pod with the address of its node, or the node itself. */
type Who = 'POD' | 'HOST_NETWORK' | 'UNKNOWN_SOURCE';

export type DenialIdentity = Pick<Denial, 'pod' | 'podUid' | 'node' | 'owner' | 'who'>;

/** Of a row whose source nobody has looked up. */
export const NOT_IDENTIFIED: DenialIdentity = { pod: null, podUid: null, node: null, owner: null, who: null };

/** Not numbered yet, since several may become one row. */
export type UnnumberedDenial = Omit<Denial, 'sequence'>;
