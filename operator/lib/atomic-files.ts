// The interface by which the gateway writes small files: all of the new text or all of the old, durable before it
// returns.

export interface AtomicFiles {
  /** Resolves with whether the file was written; unchanged text is left alone unless `evenIfUnchanged`. */
  writeFileAtomic(
    path: string,
    text: string,
    options?: { readonly evenIfUnchanged?: boolean },
  ): Promise<boolean>;
  /** The text, or undefined where there is no such file. */
  readIfExists(path: string): Promise<string | undefined>;
}
