// The tables of the denial log, with their columns, whatever stores them.
import type { Denial } from '../../model/denial.ts';
import { DENIAL_COLUMNS } from '../../model/denial-columns.ts';
import { ENTRY_USE_COLUMNS, type EntryUseRow } from '../../model/entry-use-row.ts';
import { INBOUND_COLUMNS } from '../../model/inbound-columns.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import type { LogColumn } from '../../model/log-column.ts';

export interface LogTable<Row> {
  /** In the schema "access", which is a database in ClickHouse. */
  readonly name: string;
  readonly columns: readonly LogColumn<Row>[];
}

/** A table as far as its creation needs it. */
export interface SchemaTable {
  readonly name: string;
  readonly columns: readonly Pick<LogColumn<never>, 'name' | 'type'>[];
}

export const OUTBOUND_TABLE: LogTable<Denial> = { name: 'outbound_network', columns: DENIAL_COLUMNS };
export const INBOUND_TABLE: LogTable<InboundDenial> = { name: 'inbound_network', columns: INBOUND_COLUMNS };

export const ENTRY_USES_TABLE: LogTable<EntryUseRow> = { name: 'entry_uses', columns: ENTRY_USE_COLUMNS };

/** In alphabetical order, as DuckDB lists them; so are those of QUERIED_TABLES. */
export const LOG_TABLES: readonly SchemaTable[] = [INBOUND_TABLE, OUTBOUND_TABLE];

/** Those that people read: the logs, and what is counted. */
export const QUERIED_TABLES: readonly SchemaTable[] = [ENTRY_USES_TABLE, ...LOG_TABLES];
