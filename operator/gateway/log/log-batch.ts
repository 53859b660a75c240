// Reads the next complete lines of an open log file. Has no state between calls, so that a batch can be read again;
// never holds more than one batch, however long a line is.
import { type FileHandle, open } from 'node:fs/promises';
import { LONGEST_LINE_BYTES } from '../../model/limits.ts';
import { LineShortener } from './line-shortener.ts';

interface LogLine {
  /** Byte offset of the line's first byte in its file. */
  readonly offset: number;
  /** Of a line that is too long, with its long texts truncated. */
  readonly text: string;
  /** Of a line that was too long, without its newline. */
  readonly truncatedFrom?: number;
}

export interface LogBatch {
  /** For example "access-000017"; the name stays when the file is rotated. */
  readonly logFile: string;
  /** Byte offset of the first line. */
  readonly offset: number;
  /** Byte offset after the last line. */
  readonly upTo: number;
  readonly lines: readonly LogLine[];
}

/** An incomplete line at the end of a file, torn by Envoy's death. */
export interface LostLine {
  readonly logFile: string;
  readonly offset: number;
  readonly bytes: number;
}

export type LogChunk =
  | { readonly kind: 'lines'; readonly upTo: number; readonly lines: readonly LogLine[] }
  /** No complete line is there yet; `restBytes` of an unfinished one are. */
  | { readonly kind: 'nothing'; readonly restBytes: number };

const BATCH_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Offsets are bytes; the text is without its newline. Empty lines are left out. */
export async function readChunk(file: FileHandle, offset: number): Promise<LogChunk> {
  const bytes = await read(file, offset, BATCH_BYTES);
  const end = bytes.lastIndexOf(NEWLINE);
  if (end >= 0) {
    return { kind: 'lines', upTo: offset + end + 1, lines: splitLines(bytes.subarray(0, end + 1), offset) };
  }
  return bytes.length < BATCH_BYTES
    ? { kind: 'nothing', restBytes: bytes.length }
    : await readLongLine(file, offset);
}

/** The incomplete line at the end of a file that nobody writes any more. */
export async function readRest(file: FileHandle, offset: number, bytes: number): Promise<LogLine> {
  if (bytes <= LONGEST_LINE_BYTES) return lineOf(await read(file, offset, bytes), offset);
  const shortener = new LineShortener();
  for (let from = offset; from < offset + bytes; from += BATCH_BYTES) {
    shortener.push(await read(file, from, Math.min(BATCH_BYTES, offset + bytes - from)));
  }
  return { offset, text: shortener.text(), truncatedFrom: bytes };
}

/** The complete lines of a file from a byte on. Returns how many bytes of an incomplete one are behind them. */
export async function* readLines(
  file: FileHandle,
  logFile: string,
  from: number,
): AsyncGenerator<LogBatch, { readonly offset: number; readonly restBytes: number }> {
  for (let offset = from; ; ) {
    const chunk = await readChunk(file, offset);
    if (chunk.kind === 'nothing') return { offset, restBytes: chunk.restBytes };
    yield { logFile, offset, upTo: chunk.upTo, lines: chunk.lines };
    offset = chunk.upTo;
  }
}

/** All lines of a file that nobody writes any more, with an incomplete one at its end. */
export async function* readFinished(path: string, logFile: string): AsyncGenerator<LogBatch> {
  const file = await open(path, 'r');
  try {
    const { offset, restBytes } = yield* readLines(file, logFile, 0);
    if (restBytes === 0) return;
    const lines = [await readRest(file, offset, restBytes)];
    yield { logFile, offset, upTo: offset + restBytes, lines };
  } finally {
    await file.close();
  }
}

/** A line that is longer than a batch, which is read piece by piece. */
async function readLongLine(file: FileHandle, offset: number): Promise<LogChunk> {
  const shortener = new LineShortener();
  for (let from = offset; ; from += BATCH_BYTES) {
    const bytes = await read(file, from, BATCH_BYTES);
    const end = bytes.indexOf(NEWLINE);
    shortener.push(bytes.subarray(0, end < 0 ? bytes.length : end));
    if (end >= 0) {
      const line = { offset, text: shortener.text(), truncatedFrom: from + end - offset };
      return { kind: 'lines', upTo: from + end + 1, lines: [line] };
    }
    if (bytes.length < BATCH_BYTES) return { kind: 'nothing', restBytes: from + bytes.length - offset };
  }
}

async function read(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) {
      break;
    }
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function splitLines(bytes: Buffer, offset: number): LogLine[] {
  const lines: LogLine[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    if (end > start) lines.push(lineOf(bytes.subarray(start, end), offset + start));
    start = end + 1;
  }
  return lines;
}

function lineOf(bytes: Buffer, offset: number): LogLine {
  if (bytes.length <= LONGEST_LINE_BYTES) return { offset, text: bytes.toString('utf8') };
  const shortener = new LineShortener();
  shortener.push(bytes);
  return { offset, text: shortener.text(), truncatedFrom: bytes.length };
}
