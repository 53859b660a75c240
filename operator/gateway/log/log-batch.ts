// Reads the next complete lines of an open log file. Keeps nothing between calls, so that what was read can be
// read again; never holds more than one batch or one line of the longest permitted length.

import type { FileHandle } from 'node:fs/promises';

export interface LogLine {
  /** Byte offset of the line's first byte in its file. */
  readonly offset: number;
  readonly text: string;
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

/** A piece of the log that is no line: torn by Envoy's death at the end of a file, or longer than 1 MiB. */
export interface LostLine {
  readonly logFile: string;
  readonly offset: number;
  readonly bytes: number;
}

export type LogChunk =
  | { readonly kind: 'lines'; readonly upTo: number; readonly lines: readonly LogLine[] }
  /** One line that is too long: skip to `upTo`. */
  | { readonly kind: 'tooLong'; readonly upTo: number }
  /** No complete line is there yet; `restBytes` of an unfinished one are. */
  | { readonly kind: 'nothing'; readonly restBytes: number };

export const batchBytes = 256 * 1024;
export const longestLineBytes = 1024 * 1024;
const newline = 0x0a;

/** Offsets are bytes; the text is without its newline. Empty lines are left out. */
export async function readChunk(file: FileHandle, offset: number): Promise<LogChunk> {
  const bytes = await read(file, offset, batchBytes);
  const end = bytes.lastIndexOf(newline);
  if (end >= 0) {
    return { kind: 'lines', upTo: offset + end + 1, lines: splitLines(bytes.subarray(0, end + 1), offset) };
  }
  return bytes.length < batchBytes
    ? { kind: 'nothing', restBytes: bytes.length }
    : await readLongLine(file, offset);
}

async function readLongLine(file: FileHandle, offset: number): Promise<LogChunk> {
  const bytes = await read(file, offset, longestLineBytes + 1);
  const end = bytes.indexOf(newline);
  if (end >= 0) {
    return { kind: 'lines', upTo: offset + end + 1, lines: splitLines(bytes.subarray(0, end + 1), offset) };
  }
  for (let from = offset + bytes.length; ; from += batchBytes) {
    const more = await read(file, from, batchBytes);
    const found = more.indexOf(newline);
    if (found >= 0) {
      return { kind: 'tooLong', upTo: from + found + 1 };
    }
    if (more.length < batchBytes) {
      return { kind: 'nothing', restBytes: from + more.length - offset };
    }
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
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
    if (end > start) {
      lines.push({ offset: offset + start, text: bytes.toString('utf8', start, end) });
    }
    start = end + 1;
  }
  return lines;
}
