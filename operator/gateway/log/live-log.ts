// The file to which the writer of a log appends: its number, and rotations, by which the writer continues in another one.
// One at a time works with the files, since a rotation in between would put a file under another's number.
import { rename } from 'node:fs/promises';
import type { LogFiles, LogPosition } from './log-files.ts';

export interface LiveLogOptions {
  readonly files: LogFiles;
  /** Makes the writer of the log reopen it; throws where that is an Envoy that does not run. */
  readonly reopenLogs: () => Promise<void>;
  /** The live file is rotated when it has grown to this. */
  readonly maxBytes: number;
}

export class LiveLog {
  readonly #options: LiveLogOptions;
  #sequence = 1;
  #lock: Promise<unknown> = Promise.resolve();
  #needsReopen = false;

  constructor(options: LiveLogOptions) {
    this.#options = options;
  }

  /** The number that the live file gets when it is rotated. */
  get sequence(): number {
    return this.#sequence;
  }

  /** At the start, when nobody works with the files yet. */
  async startAt(sequence: number, rotated: readonly number[]): Promise<void> {
    this.#sequence = sequence;
    // We may have been killed between the rename and Envoy's reopening.
    this.#needsReopen = rotated.length > 0;
    await this.reopen();
  }

  /** Lower numbers are used up: lines of the live file have this one at least. */
  useUpTo(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence);
  }

  /** Where the log ends. */
  async end(): Promise<LogPosition> {
    return { sequence: this.#sequence, offset: (await this.#options.files.liveBytes()) ?? 0 };
  }

  /** Nothing happens while there is no line to rotate. */
  async rotate(): Promise<void> {
    const { files } = this.#options;
    await this.exclusively(async () => {
      const bytes = await files.liveBytes();
      if (bytes === undefined || bytes === 0) return;
      await rename(files.livePath, files.rotatedPath(this.#sequence));
      this.#sequence += 1;
      this.#needsReopen = true;
    });
    await this.reopen();
  }

  async isLarge(): Promise<boolean> {
    return ((await this.#options.files.liveBytes()) ?? 0) >= this.#options.maxBytes;
  }

  /** Envoy opens the new file when it next has a line to write. An Envoy that is down opens it when it starts. */
  async reopen(): Promise<void> {
    if (!this.#needsReopen) return;
    try {
      await this.#options.reopenLogs();
      this.#needsReopen = false;
    } catch {
      // The poll asks again.
    }
  }

  /** Whether the file of that number is written no more, since there is a newer one. */
  hasSuccessor(sequence: number): Promise<boolean> {
    return this.exclusively(async () => {
      const bytes = await this.#options.files.liveBytes();
      return sequence < (bytes === undefined ? this.#sequence - 1 : this.#sequence);
    });
  }

  /** While nobody rotates. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lock.then(work);
    this.#lock = done.catch(() => undefined);
    return done;
  }
}
