// The columns of access.outbound_network: name, SQL type, and the value that a Denial puts there.
// The first ten are the product's own, in its order; tools may read them by position, so new ones go last.

import { DuckDBStructValue, DuckDBTimestampTZValue, type DuckDBValue, listValue } from '@duckdb/node-api';

import type { Denial, DnsEvent, StorageEvent } from '../../model/denial.ts';

export interface DenialColumn {
  readonly name: string;
  readonly sqlType: string;
  readonly value: (denial: Denial) => DuckDBValue;
}

export const denialColumns: readonly DenialColumn[] = [
  { name: 'account_id', sqlType: 'VARCHAR', value: (denial) => denial.accountId },
  { name: 'workspace_id', sqlType: 'VARCHAR', value: (denial) => denial.workspaceId },
  { name: 'event_id', sqlType: 'VARCHAR', value: (denial) => denial.eventId },
  { name: 'destination_type', sqlType: 'VARCHAR', value: (denial) => denial.destinationType },
  { name: 'destination', sqlType: 'VARCHAR', value: (denial) => denial.destination },
  {
    name: 'dns_event',
    sqlType: 'STRUCT(domain_name VARCHAR, rcode INTEGER)',
    value: (denial) => dnsStruct(denial.dnsEvent),
  },
  {
    name: 'storage_event',
    sqlType: 'STRUCT(hostname VARCHAR, path VARCHAR, rejection_reason VARCHAR)',
    value: (denial) => storageStruct(denial.storageEvent),
  },
  {
    name: 'event_time',
    sqlType: 'TIMESTAMP WITH TIME ZONE',
    value: (denial) => new DuckDBTimestampTZValue(epochMicros(denial)),
  },
  { name: 'access_type', sqlType: 'VARCHAR', value: (denial) => denial.accessType },
  { name: 'network_source_type', sqlType: 'VARCHAR', value: (denial) => denial.networkSourceType },
  { name: 'workspace', sqlType: 'VARCHAR', value: (denial) => denial.workspace },
  { name: 'product', sqlType: 'VARCHAR', value: (denial) => denial.product },
  { name: 'policy', sqlType: 'VARCHAR', value: (denial) => denial.policy },
  { name: 'revision', sqlType: 'VARCHAR', value: (denial) => denial.revision },
  { name: 'rule', sqlType: 'VARCHAR', value: (denial) => denial.rule },
  { name: 'reason', sqlType: 'VARCHAR', value: (denial) => denial.reason },
  { name: 'port', sqlType: 'INTEGER', value: (denial) => denial.port },
  { name: 'sni', sqlType: 'VARCHAR', value: (denial) => denial.sni },
  { name: 'source', sqlType: 'VARCHAR', value: (denial) => denial.source },
  { name: 'sequence', sqlType: 'BIGINT', value: (denial) => BigInt(denial.sequence) },
  { name: 'repeats', sqlType: 'BIGINT', value: (denial) => BigInt(denial.repeats) },
  { name: 'sample', sqlType: 'VARCHAR[]', value: ({ sample }) => sample && listValue(sample) },
];

/** Columns that the logs of former versions lack, and what their rows have there. */
export const addedColumns: Readonly<Record<string, string>> = { repeats: '1', sample: 'NULL' };

function dnsStruct(event: DnsEvent | null): DuckDBValue {
  return event && new DuckDBStructValue({ domain_name: event.domainName, rcode: event.rcode });
}

function storageStruct(event: StorageEvent | null): DuckDBValue {
  if (!event) return null;
  const { hostname, path, rejectionReason } = event;
  return new DuckDBStructValue({ hostname, path, rejection_reason: rejectionReason });
}

const utcTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?Z$/;

/** Microseconds since 1970. Date.parse stops at milliseconds, so the fraction is read apart. */
export function epochMicros(denial: Pick<Denial, 'eventId' | 'eventTime'>): bigint {
  const match = utcTime.exec(denial.eventTime);
  const wholeMs = match ? Date.parse(`${denial.eventTime.slice(0, 19)}Z`) : Number.NaN;
  if (Number.isNaN(wholeMs)) {
    throw new RangeError(
      `Cannot store denial "${denial.eventId}": event time "${denial.eventTime}" is not UTC in ISO 8601`,
    );
  }
  return BigInt(wholeMs) * 1000n + BigInt((match?.[1] ?? '').padEnd(6, '0').slice(0, 6));
}
