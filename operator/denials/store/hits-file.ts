// The counts of access lists in a file beside the denial log: written a few seconds after a change, and at the end. A
// process that is killed loses what it counted since.
import { readFile } from 'node:fs/promises';
import type { AtomicFiles } from '../../lib/atomic-file.ts';
import { type HitsFile, hitsFileSchema } from '../../model/list-hits.ts';

export interface HitsWriterOptions {
  readonly path: string;
  readonly files: Pick<AtomicFiles, 'writeFileAtomic'>;
  readonly counter: { readonly version: number; readonly snapshot: () => HitsFile };
  readonly onFailure: (error: Error) => void;
}

const WRITE_MS = 2000;

/** Undefined where there is none that can be read: counting begins anew. */
export async function readHits(path: string): Promise<HitsFile | undefined> {
  try {
    const parsed = hitsFileSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export class HitsWriter {
  readonly #options: HitsWriterOptions;
  #timer: NodeJS.Timeout | undefined;
  #written: number;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: HitsWriterOptions) {
    this.#options = options;
    this.#written = options.counter.version;
  }

  start(): void {
    this.#timer = setInterval(() => void this.write(), WRITE_MS).unref();
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
