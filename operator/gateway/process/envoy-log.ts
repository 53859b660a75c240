// Envoy's own log file (its stderr), read from a mark on: why it ended or did not start. A record may span
// lines. Only reads; a missing file reads as empty.
import { open } from 'node:fs/promises';

interface LogRecord {
  readonly level: string;
  readonly text: string;
}

const RECORD_START = /^(?=\[\d{4}-\d\d-\d\d )/m;
const RECORD = /^\[[^\]]*\]\[\d+\]\[(\w+)\]\[\w+\] (?:\[[^\]]*\] )?([^]*)$/;
const BACKTRACE = /^(#\d+|stacktrace|Backtrace|Address mapping|Envoy version)/;
const READ_LIMIT_BYTES = 4 * 1024 * 1024;

export class EnvoyLog {
  readonly path: string;
  #markBytes = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Later reads start here. */
  async mark(): Promise<void> {
    this.#markBytes = (await this.#read(Infinity)).sizeBytes;
  }

  /** The last complaints since the mark, for a message about an Envoy that did not start. */
  async complaintsSinceMark(): Promise<string> {
    const records = await this.#recordsSinceMark();
    const bad = records.filter(
      ({ level, text }) => /^(critical|error)$/.test(level) && !BACKTRACE.test(text),
    );
    const lines = bad.map(({ text }) => text.replace(/\s+/g, ' '));
    return [...new Set(lines)].slice(-3).join('; ');
  }

  /** All records since the mark; the mark stays. */
  async #recordsSinceMark(): Promise<readonly LogRecord[]> {
    const { text } = await this.#read(this.#markBytes);
    // A record counts once its line has ended.
    const complete = text.slice(0, text.lastIndexOf('\n') + 1);
    return complete.split(RECORD_START).flatMap((part) => {
      const [, level = '', body = ''] = RECORD.exec(part) ?? [];
      return level === '' ? [] : [{ level, text: body.trim() }];
    });
  }

  async #read(fromByte: number): Promise<{ readonly text: string; readonly sizeBytes: number }> {
    const file = await open(this.path, 'r').catch(() => undefined);
    if (file === undefined) {
      return { text: '', sizeBytes: 0 };
    }
    try {
      const sizeBytes = (await file.stat()).size;
      // The file may have been truncated; and no message needs more than its last few megabytes.
      const wantedBytes = fromByte === Infinity ? 0 : sizeBytes - (fromByte > sizeBytes ? 0 : fromByte);
      const length = Math.min(wantedBytes, READ_LIMIT_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, sizeBytes - length);
      return { text: buffer.toString('utf8', 0, bytesRead), sizeBytes };
    } finally {
      await file.close();
    }
  }
}
