// Counts in a file: written some time after a change, and at the end. A process that is killed loses what it counted
// since.
import type { AtomicFiles } from './atomic-file.ts';

export interface CountsWriterOptions {
  readonly path: string;
  readonly files: Pick<AtomicFiles, 'writeFileAtomic'>;
  readonly counter: { readonly version: number; readonly snapshot: () => object };
  readonly everyMs: number;
  readonly onFailure: (error: Error) => void;
}

export class CountsWriter {
  readonly #options: CountsWriterOptions;
  #timer: NodeJS.Timeout | undefined;
  #written: number;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: CountsWriterOptions) {
    this.#options = options;
    this.#written = options.counter.version;
  }

  start(): void {
    this.#timer = setInterval(() => void this.write(), this.#options.everyMs).unref();
  }

  /** Where something has changed since. */
  write(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#write());
    return this.#turn;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }

  async #write(): Promise<void> {
    const { path, files, counter, onFailure } = this.#options;
    const { version } = counter;
    if (version === this.#written) return;
    try {
      await files.writeFileAtomic(path, `${JSON.stringify(counter.snapshot())}\n`);
      this.#written = version;
    } catch (error) {
      onFailure(error as Error);
    }
  }
}
