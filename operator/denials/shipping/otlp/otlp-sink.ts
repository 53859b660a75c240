// Rows -> a receiver of OTLP logs, over HTTP in JSON, at least once: a batch that gets no answer is sent again, in other
// rows maybe. A row is the same where its event_id is. The receiver says nowhere what it has, so where this is the only
// sink, the gateway's own tail knows how far it is, and numbers begin anew after a failure.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import type { LogTable } from '../../store/log-tables.ts';
import type { LogRow, RowSink } from '../../store/row-sink.ts';
import { type LogRecord, raisedRecordOf, recordOf } from './log-record.ts';

/** Posts a body, JSON packed by gzip. Throws where there is no answer. */
export type PostLogs = (body: Buffer) => Promise<{ readonly status: number; readonly text: string }>;

export interface OtlpSinkOptions<Row extends LogRow> {
  readonly post: PostLogs;
  readonly table: LogTable<Row>;
  /** Records that the receiver has refused for good; it must not be sent them again. */
  readonly onRejected: (records: number, reason: string) => void;
}

/** Some 500 KB. */
const RECORDS_AT_ONCE = 500;

const pack = promisify(gzip);

const answerSchema = z.object({
  partialSuccess: z
    .object({
      rejectedLogRecords: z.coerce.number().int().min(0).default(0),
      errorMessage: z.string().default(''),
    })
    .optional(),
});

export function otlpSink<Row extends LogRow>({
  post,
  table,
  onRejected,
}: OtlpSinkOptions<Row>): RowSink<Row> {
  return {
    canRaise: true,
    progress: async () => ({ positions: new Map(), lastSequence: 0 }),
    append: async ({ gateway, denials, raised = [] }) => {
      const records = [
        ...denials.map((row) => recordOf(table, row)),
        ...raised.map((row) => raisedRecordOf(table, row)),
      ];
      for (let from = 0; from < records.length; from += RECORDS_AT_ONCE) {
        const body = bodyOf(gateway, records.slice(from, from + RECORDS_AT_ONCE));
        const { rejected, reason } = parse(await post(await pack(body)));
        if (rejected > 0) onRejected(rejected, reason);
      }
      return { stored: denials.length, duplicates: 0 };
    },
  };
}

function bodyOf(gateway: string, logRecords: readonly LogRecord[]): string {
  const attributes = [
    { key: 'service.name', value: { stringValue: 'sallyport' } },
    { key: 'service.instance.id', value: { stringValue: gateway } },
  ];
  const scopeLogs = [{ scope: { name: 'sallyport.denials' }, logRecords }];
  return JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs }] });
}

/** Throws where the records must be sent again. */
function parse({ status, text }: Awaited<ReturnType<PostLogs>>) {
  if (status !== 200)
    throw new Error(
      `The receiver of OTLP logs answered ${status}: ${text.slice(0, 200) || 'it said nothing'}`,
    );
  const { partialSuccess } = answerSchema.parse(text === '' ? {} : JSON.parse(text));
  return { rejected: partialSuccess?.rejectedLogRecords ?? 0, reason: partialSuccess?.errorMessage ?? '' };
}
