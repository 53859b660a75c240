// A batch as it came over the network -> rows in the store. A gateway may write its own rows only: every id begins with
// its name and the name of the log file.
import type { z } from 'zod';
import { OvertakenError } from '../store/fresh-rows.ts';
import type { AppendOutcome, LogRow, RowBatch, RowSink } from '../store/row-sink.ts';
import { correctTimes, withoutDoubtfulTimes } from './believed-times.ts';
import type { GatewayCaller } from './caller.ts';
import { CollectorError } from './collector-error.ts';

export interface BatchReceiver<Row extends LogRow> {
  readonly schema: z.ZodType<Omit<RowBatch<Row>, 'gateway'>>;
  readonly sink: RowSink<Row>;
  /** Fills in who the clients were, before rows are stored. */
  readonly identify: (rows: readonly Row[]) => Promise<readonly Row[]>;
  readonly onStored: (stored: StoredBatch) => void;
}

export interface StoredBatch {
  readonly gateway: string;
  readonly stored: number;
  /** From the time of the oldest row to now; undefined for a batch without rows. */
  readonly lagMs: number | undefined;
  /** Rows whose time was not believed. */
  readonly corrected: number;
}

/**
 * Throws a CollectorError for what cannot be accepted, and whatever the store throws where nothing was stored. Nothing of
 * one step is kept during the next: a batch waits for its pods and for the store, and there are several.
 */
export async function receiveBatch<Row extends LogRow>(
  caller: GatewayCaller,
  readBody: () => Promise<unknown>,
  { schema, sink, identify, onStored }: BatchReceiver<Row>,
): Promise<AppendOutcome> {
  const read = async () => readBatch(caller, await readBody(), schema);
  const identified = async () => identifyRows(await read(), identify);
  const { batch, oldestMs, corrected } = await identified();
  const outcome = await sink.append(batch).catch((error: unknown) => {
    throw error instanceof OvertakenError ? new CollectorError(409, error.message, error) : error;
  });
  const { stored } = outcome;
  const lagMs = stored > 0 ? Date.now() - oldestMs : undefined;
  onStored({ gateway: caller.name, stored, lagMs, corrected: stored > 0 ? corrected : 0 });
  return outcome;
}

function readBatch<Row extends LogRow>(
  { name: gateway }: GatewayCaller,
  body: unknown,
  schema: BatchReceiver<Row>['schema'],
): RowBatch<Row> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new CollectorError(400, `Cannot read the batch: ${sentenceOf(parsed.error)}`);
  const batch = { ...parsed.data, gateway };
  checkOwner(batch);
  return batch;
}

async function identifyRows<Row extends LogRow>(
  { raised, ...batch }: RowBatch<Row>,
  identify: BatchReceiver<Row>['identify'],
) {
  const nowMs = Date.now();
  const rows = await identify(withoutDoubtfulTimes(batch, nowMs));
  const { corrected, ...believed } = correctTimes({ denials: rows, raised: raised ?? [] }, nowMs);
  const oldestMs = believed.denials.reduce(
    (least, { eventTime }) => Math.min(least, Date.parse(eventTime)),
    Number.POSITIVE_INFINITY,
  );
  return { batch: { ...batch, ...believed }, oldestMs, corrected };
}

function checkOwner({ gateway, logFile, upTo, denials, raised = [] }: RowBatch<LogRow>): void {
  const prefix = `${gateway}/${logFile}/`;
  // A row that counts more may be of a former file of the same gateway.
  const foreign =
    denials.find(({ eventId }) => !isWithin(eventId, prefix, upTo)) ??
    raised.find(({ eventId }) => !eventId.startsWith(`${gateway}/`));
  if (foreign === undefined) return;
  throw new CollectorError(
    403,
    `Cannot store row "${foreign.eventId}": gateway "${gateway}" may write rows "${prefix}" up to byte ${upTo} only`,
  );
}

function isWithin(eventId: string, prefix: string, upTo: number): boolean {
  const digits = eventId.startsWith(prefix) ? eventId.slice(prefix.length) : '';
  return /^\d{1,15}$/.test(digits) && Number(digits) < upTo;
}

function sentenceOf({ issues }: z.ZodError): string {
  const [{ path, message } = { path: [], message: 'it has no known shape' }] = issues;
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
