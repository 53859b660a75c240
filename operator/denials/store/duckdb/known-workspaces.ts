// Namespaces of which a log has rows, without reading all rows for each question: read once, then kept up to date with what
// is stored, and read again after rows were deleted. Must never leave out one that has rows: its readers would not get them.
import type { LogRow } from '../row-sink.ts';

type OfWorkspace = Pick<LogRow, 'workspace'>;

export class KnownWorkspaces {
  readonly #read: () => Promise<readonly string[]>;
  #stored: Promise<readonly string[]> | undefined;
  /** Since then, or before. */
  readonly #added = new Set<string>();

  constructor(read: () => Promise<readonly string[]>) {
    this.#read = read;
  }

  /** In no order. Throws where they cannot be read; the next call tries again. */
  async all(): Promise<readonly string[]> {
    const stored = this.#stored ?? this.#read();
    this.#stored = stored;
    try {
      return [...new Set([...(await stored), ...this.#added])];
    } catch (error) {
      if (this.#stored === stored) this.#stored = undefined;
      throw error;
    }
  }

  /** Of rows that are stored for good. */
  add(rows: readonly OfWorkspace[]): void {
    for (const { workspace } of rows) if (workspace !== null) this.#added.add(workspace);
  }

  /** After rows were deleted: it is not known of which there are others. */
  forget(): void {
    this.#stored = undefined;
    this.#added.clear();
  }
}
