// Where exported files are put: a directory, or a bucket. A file is there whole or not at all.
export interface ExportTarget {
  /** For people and for the state of the export: "s3://bucket/prefix". */
  readonly name: string;
  /** Copies a file from there; false where there is none. Throws a sentence for the operator. */
  readonly read: (file: string, into: string, signal: AbortSignal) => Promise<boolean>;
  /** Replaces a file there. Throws a sentence for the operator. */
  readonly write: (file: string, from: string, signal: AbortSignal) => Promise<void>;
}

/** The target as a whole takes nothing now, whatever the file is. */
export class TargetUnavailableError extends Error {}
