// The columns of system.access.outbound_network: the name, type and meaning of each, and its value in a Denial. Tables
// and JSON lines are made from this list. The first ten are the product's own, in its order; tools may read them by
// position, so new ones go last.
import type { Denial } from './denial.ts';
import { type ColumnOf, type ColumnType, columnsOf } from './log-column.ts';

export type ColumnName = ColumnOf<keyof Denial>;

const DNS_EVENT = { domain_name: 'text', rcode: 'integer' } as const;
const STORAGE_EVENT = { hostname: 'text', path: 'text', rejection_reason: 'text' } as const;

const COLUMNS: readonly (readonly [ColumnName, ColumnType, string])[] = [
  ['account_id', 'text', 'account of the gateway (--account-id)'],
  ['workspace_id', 'text', 'id of the workspace'],
  [
    'event_id',
    'text',
    'gateway, log file and byte offset of the line: the same line read twice has the same id',
  ],
  ['destination_type', 'text', 'DNS, IP or STORAGE'],
  ['destination', 'text', 'name or address that was asked for; "*" in a row for several'],
  ['dns_event', DNS_EVENT, 'name and answer code; no code where the connection was denied and nothing asked'],
  ['storage_event', STORAGE_EVENT, 'bucket or account, path and reason of a storage destination'],
  ['event_time', 'time', 'when it was denied'],
  ['access_type', 'text', 'DROP, or DRY_RUN_DENIAL where it was only recorded'],
  ['network_source_type', 'text', 'kind of product, in the words of Databricks; null where product is'],
  ['workspace', 'text', 'Namespace of the workspace'],
  ['product', 'text', 'product; null where pods of several products share a lane'],
  ['policy', 'text', 'policy that decided'],
  ['revision', 'text', 'revision of the table that decided'],
  ['rule', 'text', 'entry that decided; null where none covers the destination'],
  ['reason', 'text', 'reason code'],
  ['port', 'integer', 'port that was asked for'],
  ['sni', 'text', 'TLS server name'],
  ['source', 'text', 'address and port of the client; "*" in a row for several destinations'],
  ['sequence', 'count', 'number of the row among those of its gateway: a missing number is a lost row'],
  ['repeats', 'count', 'how many denials the row stands for'],
  ['sample', 'texts', 'some of the destinations of a row for several'],
  ['pod', 'text', 'pod that was denied; null where it is not known'],
  ['pod_uid', 'text', 'uid of that pod'],
  ['node', 'text', 'node of that pod; of HOST_NETWORK, whose address it is'],
  [
    'owner',
    'text',
    'top of the owners of the pod that are there, such as "Deployment/etl"; null where none is',
  ],
  [
    'who',
    'text',
    'POD, HOST_NETWORK (a pod or process with the address of its node) or UNKNOWN_SOURCE; null where nobody looked',
  ],
  ['lost', 'count', 'how many denials the row says were not kept; 0 in every other row'],
  [
    'protocol',
    'text',
    'HTTP (a request without CONNECT), TLS or TCP (other bytes); null where it was denied before its first bytes',
  ],
];

export const DENIAL_COLUMNS = columnsOf<Denial, ColumnName>(COLUMNS);
