// What gateways and the collector say to each other: paths, limits and the shapes of bodies. The gateway's name is in
// none of them: it is the pod of the token that the gateway presents.
import { z } from 'zod';
import { DENIAL_COLUMNS } from '../../model/denial-columns.ts';
import { INBOUND_COLUMNS } from '../../model/inbound-columns.ts';
import { rowSchemaOf } from './row-schema.ts';

/** Whose rows: of connections of workloads, or of requests from outside. */
export type Direction = 'outbound' | 'inbound';

export const progressPath = (direction: Direction): string => `/v1/progress/${direction}`;
export const batchPath = (direction: Direction): string => `/v1/batches/${direction}`;

/** Of POST with an EntryUseReport, by gateways. */
export const ENTRY_USES_PATH = '/v1/entry-uses';

/** Of POST with {sql, maxRows?, since?, format?}, by people. */
export const QUERY_PATH = '/v1/query';
/** Of GET, by people who may read all: the log as a database file. */
export const BACKUP_PATH = '/v1/backup';
export const BACKUP_TYPE = 'application/octet-stream';
/** Of an answer with format "parquet". */
export const PARQUET_TYPE = 'application/vnd.apache.parquet';

/**
 * Of a body, as it is sent and as it is unpacked. A batch is what 256 KiB of lines became, of which each has more than
 * 100 bytes: some 4 MB.
 */
export const MOST_PACKED_BYTES = 4 * 1024 * 1024;
export const MOST_BODY_BYTES = 12 * 1024 * 1024;
const MOST_ROWS = 10_000;
/** Of a question of a person, as it is sent and as it is unpacked. */
export const MOST_QUERY_BYTES = 256 * 1024;

const logFile = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'no name of a log file');
const raised = z.object({ eventId: z.string(), eventTime: z.string(), by: z.int().min(1) });

const batchOf = <Row>(row: z.ZodType<Row>) =>
  z.object({
    logFile,
    upTo: z.int().min(0),
    denials: z.array(row).max(MOST_ROWS),
    raised: z.array(raised).max(MOST_ROWS).default([]),
  });

/** Of POST batchPath(). */
export const BATCH_SCHEMAS = {
  outbound: batchOf(rowSchemaOf(DENIAL_COLUMNS)),
  inbound: batchOf(rowSchemaOf(INBOUND_COLUMNS)),
} as const;

export const OUTCOME_SCHEMA = z.object({ stored: z.int(), duplicates: z.int() });

export const PROGRESS_SCHEMA = z.object({
  positions: z.record(z.string(), z.int()),
  lastSequence: z.int(),
  /** Of collectors of the version before, and of stores that do not count: left out. */
  denials: z.int().optional(),
  /** Whether it takes raised rows: gateways need one that does. */
  canRaise: z.boolean(),
});

/** Of every answer that is no success. */
export const ERROR_SCHEMA = z.object({ error: z.string() });
