// Batches of one log -> its journal in ClickHouse, as a RowSink that any number of processes may be at once. Two of them can
// have the same batch, since a gateway asks another one where the first gave no answer in time. So each batch names the one
// before it of the same gateway, and ClickHouse keeps one successor of each: further ones with that name are dropped as
// duplicates, however late they arrive. Whoever was dropped says so, and the gateway asks where it stands.
import { randomUUID } from 'node:crypto';
import { freshRows, OvertakenError, rowsMissing } from '../fresh-rows.ts';
import type { LogTable } from '../log-tables.ts';
import { rangesOf, sumOfRaises, type TimeRange } from '../raised-rows.ts';
import {
  type AppendOutcome,
  denialsIn,
  type LogRow,
  type RaisedRow,
  type RowBatch,
  type RowSink,
  type SinkProgress,
} from '../row-sink.ts';
import type { ClickhouseConnection } from './clickhouse-connection.ts';
import { clickhouseTime, clickhouseValue } from './column-types.ts';
import { type JournalKind, journalOf } from './journal-schema.ts';

/** Where a gateway stands. */
interface Head extends SinkProgress {
  readonly denials: number;
  readonly batchNumber: number;
  /** Its name; empty where there is none. */
  readonly batch: string;
}

interface HeadLine {
  readonly log_file: string;
  readonly position: string;
  readonly number: string;
  readonly name: string;
  readonly sequence: string;
  readonly denials: string;
}

/** One block, or the INSERT would not be whole or nothing; and an answer only once it is stored. */
const INSERT_SETTINGS = {
  async_insert: 0,
  input_format_parallel_parsing: 0,
  max_insert_block_size: '1048576',
  insert_deduplicate: 1,
  max_execution_time: 15,
} as const;

export class ClickhouseJournal<Row extends LogRow> implements RowSink<Row> {
  readonly canRaise = true;
  readonly #connection: ClickhouseConnection;
  readonly #table: LogTable<Row>;
  readonly #journal: string;

  constructor(connection: ClickhouseConnection, table: LogTable<Row>) {
    this.#connection = connection;
    this.#table = table;
    this.#journal = journalOf(table);
  }

  progress(gateway: string): Promise<SinkProgress> {
    return this.#headOf(gateway);
  }

  async append(batch: RowBatch<Row>): Promise<AppendOutcome> {
    const { gateway, logFile, upTo, denials, raised = [] } = batch;
    const head = await this.#headOf(gateway);
    const from = head.positions.get(logFile) ?? 0;
    const fresh = freshRows(batch, from);
    const outcome = { stored: fresh.length, duplicates: denials.length - fresh.length };
    if (upTo <= from) return outcome;
    const first = fresh[0]?.sequence ?? head.lastSequence + 1;
    if (first !== head.lastSequence + 1) throw new OvertakenError(batch);
    await this.#checkRaised(batch, raised);
    const name = randomUUID();
    await this.#connection.insert({
      table: this.#journal,
      values: this.#linesOf({ ...batch, denials: fresh, raised }, head, name),
      clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: `${gateway}/${head.batch}` },
    });
    if ((await this.#nameOf(gateway, head.batchNumber + 1)) !== name) throw new OvertakenError(batch);
    return outcome;
  }

  async #headOf(gateway: string): Promise<Head> {
    const lines = await this.#connection.select<HeadLine>({
      query: `SELECT log_file, max(up_to) AS position, max(batch_number) AS number, argMax(batch, batch_number) AS name,
         max(last_sequence) AS sequence, max(all_denials) AS denials
       FROM ${this.#journal} WHERE kind = 'batch' AND gateway = {gateway: String} GROUP BY log_file`,
      query_params: { gateway },
    });
    const last = lines.reduce<HeadLine | undefined>(
      (newest, line) => (newest === undefined || Number(line.number) > Number(newest.number) ? line : newest),
      undefined,
    );
    return {
      positions: new Map(lines.map((line) => [line.log_file, Number(line.position)])),
      lastSequence: Number(last?.sequence ?? 0),
      denials: Number(last?.denials ?? 0),
      batchNumber: Number(last?.number ?? 0),
      batch: last?.name ?? '',
    };
  }

  async #nameOf(gateway: string, number: number): Promise<string | undefined> {
    const lines = await this.#connection.select<{ readonly batch: string }>({
      query: `SELECT batch FROM ${this.#journal}
       WHERE kind = 'batch' AND gateway = {gateway: String} AND batch_number = {number: UInt64}`,
      query_params: { gateway, number },
    });
    return lines[0]?.batch;
  }

  /** Throws where a row is missing, since its denials would be lost. */
  async #checkRaised(batch: RowBatch<Row>, raised: readonly RaisedRow[]): Promise<void> {
    const ids = sumOfRaises(raised).map(({ eventId }) => eventId);
    let found = 0;
    for (const range of rangesOf(raised)) {
      if (found < ids.length) found = await this.#countWithin(batch.gateway, ids, range);
    }
    if (found < ids.length) throw rowsMissing(batch, found, ids.length);
  }

  async #countWithin(
    gateway: string,
    ids: readonly string[],
    { firstMicros, lastMicros }: TimeRange,
  ): Promise<number> {
    const [line] = await this.#connection.select<{ readonly found: string }>({
      query: `SELECT uniqExact(event_id) AS found FROM ${this.#journal}
       WHERE kind = 'row' AND gateway = {gateway: String} AND has({ids: Array(String)}, event_id)
         AND event_time BETWEEN fromUnixTimestamp64Micro({first: Int64}) AND fromUnixTimestamp64Micro({last: Int64})`,
      query_params: { gateway, ids, first: String(firstMicros), last: String(lastMicros) },
    });
    return Number(line?.found ?? 0);
  }

  #linesOf(
    { gateway, logFile, upTo, denials, raised = [] }: RowBatch<Row>,
    { lastSequence, denials: former, batchNumber }: Head,
    batch: string,
  ): readonly object[] {
    const line = (kind: JournalKind, fields: object) => ({
      ...{ kind, gateway, batch_number: batchNumber + 1, batch, log_file: logFile },
      ...fields,
    });
    const { columns } = this.#table;
    return [
      line('batch', {
        up_to: upTo,
        last_sequence: denials.at(-1)?.sequence ?? lastSequence,
        all_denials: former + denialsIn(denials, raised),
        event_time: clickhouseTime(new Date().toISOString()),
      }),
      ...denials.map((row) =>
        line(
          'row',
          Object.fromEntries(
            columns.map(({ name, type, value }) => [name, clickhouseValue(type, value(row))]),
          ),
        ),
      ),
      ...raised.map(({ eventId, eventTime, by }) =>
        line('raise', { event_id: eventId, event_time: clickhouseTime(eventTime), raised_by: by }),
      ),
    ];
  }
}
