// Rows of a gateway -> the collector, over HTTPS. Whatever goes wrong is thrown: the log tail keeps its files and tries
// again. Nothing is sent twice here, since a batch whose answer is lost may be stored already; its sender asks for the
// progress first.
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { z } from 'zod';
import type { LogRow, RowSink } from '../store/row-sink.ts';
import {
  batchPath,
  type Direction,
  ERROR_SCHEMA,
  OUTCOME_SCHEMA,
  PROGRESS_SCHEMA,
  progressPath,
} from '../wire/collector-wire.ts';

interface CollectorRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON, packed by gzip. */
  readonly body?: Buffer;
}

/** Throws where there is no answer. */
export type AskCollector = (
  request: CollectorRequest,
) => Promise<{ readonly status: number; readonly text: string }>;

const pack = promisify(gzip);
/** Rows repeat most of what they say: the fastest way makes them nearly as small, in a third of the time. */
const PACKING = { level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 };

export function collectorSink<Row extends LogRow>(ask: AskCollector, direction: Direction): RowSink<Row> {
  return {
    canRaise: true,
    progress: async () => {
      const answer = await ask({ method: 'GET', path: progressPath(direction) });
      const { positions, canRaise, ...progress } = parse(PROGRESS_SCHEMA, answer);
      if (!canRaise) throw new Error('Cannot use the collector: it does not count repeats in rows it has');
      return { ...progress, positions: new Map(Object.entries(positions)) };
    },
    // The gateway's name is not sent: the collector knows it by the token.
    append: async ({ gateway: _, ...batch }) => {
      const body = await packBody(batch);
      return parse(OUTCOME_SCHEMA, await ask({ method: 'POST', path: batchPath(direction), body }));
    },
  };
}

export function packBody(value: object): Promise<Buffer> {
  return pack(JSON.stringify(value), PACKING);
}

type CollectorAnswer = Awaited<ReturnType<AskCollector>>;

/** What an answer that is no success says. */
export function refusalOf({ status, text }: CollectorAnswer): Error {
  const refusal = ERROR_SCHEMA.safeParse(parseJson(text));
  return new Error(
    `The collector answered ${status}: ${refusal.success ? refusal.data.error : 'it said nothing'}`,
  );
}

function parse<T>(schema: z.ZodType<T>, answer: CollectorAnswer): T {
  if (answer.status !== 200) throw refusalOf(answer);
  const parsed = schema.safeParse(parseJson(answer.text));
  if (parsed.success) return parsed.data;
  throw new Error(`Cannot read the answer of the collector: ${z.prettifyError(parsed.error)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
