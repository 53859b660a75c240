// What a collector and the process of one query say to each other: the query as one line of JSON, a byte when it has been
// read, and an exit code.
export interface IsolatedQuery {
  readonly database: string;
  readonly sql: string;
  readonly maxRows: number | undefined;
  readonly timeLimitMs: number;
  readonly format: 'json' | 'parquet';
  /** A file, made anew: rows in that format, or {"error"} as JSON. */
  readonly answer: string;
}

/** How that process ends. */
export const ANSWERED = 0;
export const REJECTED = 3;
