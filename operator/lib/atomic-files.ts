// How the gateway wants its small files written: all of the new text or all of the old, durable before it counts.
// Declared here, provided by the delivery layer, joined in the roles, so that neither imports the other.

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
