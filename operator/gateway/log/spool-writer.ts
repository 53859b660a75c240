// A spool of ours: lines are appended to a file, in order, within a twentieth of a second and at the end. Where the file
// was renamed they go to a new one, which a reader can ask for too. Lines that cannot be written are buffered and tried again; a line that was written in part is finished first. Lines
// beyond a limit, or that cannot be written at the end, are dropped and counted.
import { type FileHandle, open, stat } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { WriterCounts } from './unwritten-lines.ts';

export interface SpoolWriterOptions {
  readonly path: string;
  /** A write failed and is tried again. */
  readonly onFailure: (error: Error) => void;
  /** Counts the lines that were dropped. */
  readonly counts: { dropped: number };
  /** The first line was dropped; more may follow. */
  readonly onDropping: () => void;
  /** Lines are accepted again, or the log is closing: so many lines were dropped since onDropping(). */
  readonly onDropped: (lines: number) => void;
}

const FLUSH_MS = 50;
const RETRY_MS = 1000;
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

export class SpoolWriter {
  readonly #options: SpoolWriterOptions;
  #lines: string[] = [];
  #unwritten: Buffer = Buffer.alloc(0);
  /** Of the lines, with those that are partly written. */
  #keptBytes = 0;
  /** Lines since the start, and how many of them are in #unwritten. */
  #given = 0;
  #unwrittenLines = 0;
  /** Since onDropping(). */
  #dropped = 0;
  #handle: FileHandle | undefined;
  /** The rest of a line belongs into the same file. */
  #isWithinLine = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #exclusively = pLimit(1);

  constructor(options: SpoolWriterOptions) {
    this.#options = options;
  }

  /** Lines that wait for a write are not counted yet: they are late, not missing. */
  get writes(): WriterCounts {
    const accepted = this.#given - this.#lines.length - this.#unwrittenLines;
    return { accepted, failed: this.#options.counts.dropped };
  }

  append(line: string): void {
    this.#given += 1;
    if (this.#keptBytes > MAX_KEPT_BYTES) return this.#drop(1);
    this.#lines.push(line);
    this.#keptBytes += Buffer.byteLength(line) + 1;
    this.#timer ??= setTimeout(() => void this.#tryFlush(), FLUSH_MS);
  }

  /** Afterwards nothing is written to the former file any more, and a new one exists at the path. */
  reopen(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#close();
      await this.#open();
    });
  }

  /** Throws where the lines so far could not be written; they are tried again later. */
  flush(): Promise<void> {
    return this.#exclusively(() => this.#write());
  }

  /** Writes the remaining lines; those that cannot be written are lost. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#exclusively(async () => {
      try {
        await this.#write();
      } catch (error) {
        this.#options.onFailure(error as Error);
        this.#giveUp();
      } finally {
        await this.#close();
      }
    });
  }

  async #tryFlush(): Promise<void> {
    this.#timer = undefined;
    try {
      await this.flush();
    } catch (error) {
      this.#options.onFailure(error as Error);
      this.#timer ??= setTimeout(() => void this.#tryFlush(), RETRY_MS);
    }
  }

  async #write(): Promise<void> {
    if (this.#lines.length > 0) {
      const text = Buffer.from(`${this.#lines.join('\n')}\n`);
      this.#unwritten = this.#unwritten.length === 0 ? text : Buffer.concat([this.#unwritten, text]);
      this.#unwrittenLines += this.#lines.length;
      this.#lines = [];
    }
    if (this.#unwritten.length === 0) return;
    const handle = await this.#openCurrent();
    while (this.#unwritten.length > 0) {
      const { bytesWritten } = await handle.write(this.#unwritten);
      this.#isWithinLine = bytesWritten < this.#unwritten.length;
      this.#unwritten = this.#unwritten.subarray(bytesWritten);
      this.#keptBytes -= bytesWritten;
    }
    this.#unwrittenLines = 0;
    this.#logDropped();
  }

  #drop(lines: number): void {
    if (this.#dropped === 0) this.#options.onDropping();
    this.#dropped += lines;
    this.#options.counts.dropped += lines;
  }

  #giveUp(): void {
    const lines = this.#lines.length + this.#unwritten.toString('latin1').split('\n').length - 1;
    this.#lines = [];
    this.#unwritten = Buffer.alloc(0);
    this.#unwrittenLines = 0;
    this.#keptBytes = 0;
    if (lines > 0) this.#drop(lines);
    this.#logDropped();
  }

  #logDropped(): void {
    if (this.#dropped > 0) this.#options.onDropped(this.#dropped);
    this.#dropped = 0;
  }

  /** Of the file that is at the path now. */
  async #openCurrent(): Promise<FileHandle> {
    const handle = await this.#open();
    if (this.#isWithinLine) return handle;
    const [own, there] = await Promise.all([handle.stat(), stat(this.#options.path).catch(() => undefined)]);
    if (own.ino === there?.ino && own.dev === there.dev) return handle;
    await this.#close();
    return this.#open();
  }

  async #open(): Promise<FileHandle> {
    this.#handle ??= await open(this.#options.path, 'a');
    return this.#handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
