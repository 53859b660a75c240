// The columns of system.access.inbound_network. The first nine have the names that tools use with Databricks' table;
// new ones go last.
import type { InboundDenial } from './inbound-denial.ts';
import { type ColumnOf, type ColumnType, columnsOf } from './log-column.ts';

export type InboundColumnName = ColumnOf<keyof InboundDenial>;

const COLUMNS: readonly (readonly [InboundColumnName, ColumnType, string])[] = [
  ['account_id', 'text', 'account of the gateway (--account-id)'],
  ['workspace_id', 'text', 'id of the workspace; null for the account, and where no workspace has the host'],
  [
    'event_id',
    'text',
    'gateway, log file and byte offset of the line: the same line read twice has the same id',
  ],
  ['event_time', 'time', 'when it was denied'],
  [
    'source',
    { ip: 'text' },
    'source.ip: address of the client; null where it is not known, "*" in a row for several',
  ],
  ['request_path', 'text', 'path without its query'],
  ['authenticated_as', 'text', 'user of the REST API; null where nobody was authenticated'],
  ['policy_outcome', 'text', 'DENY, or DENY_DRY_RUN where it was only recorded'],
  ['rule_label', 'text', 'label of the list that decided; null where none contains the address'],
  ['workspace', 'text', 'Namespace of the workspace'],
  ['list_id', 'text', 'id of the list that decided'],
  ['entry', 'text', 'entry of that list, as written'],
  ['reason', 'text', 'reason code'],
  ['host', 'text', 'host that was asked for'],
  ['method', 'text', 'HTTP method'],
  ['status', 'integer', 'status of the answer'],
  ['protocol', 'text', 'protocol of the request'],
  ['listener', 'text', 'ingress, authorize or api'],
  ['proxy', 'text', 'address of the proxy that the client came through'],
  ['revision', 'text', 'revision of the plan that decided'],
  ['sequence', 'count', 'number of the row among those of its gateway: a missing number is a lost row'],
  ['repeats', 'count', 'how many denials the row stands for'],
  ['sample', 'texts', 'some of the addresses of a row for several'],
  ['lost', 'count', 'how many denials the row says were not kept; 0 in every other row'],
];

export const INBOUND_COLUMNS = columnsOf<InboundDenial, InboundColumnName>(COLUMNS);
