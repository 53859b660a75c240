// What a collector and the process of one query say to each other: the query as one line of JSON, a byte when it has been
// read, and another one when its answer is in the file. A process takes 12 ms to exit, for which nobody has to wait.
export interface IsolatedQuery {
  readonly database: string;
  readonly sql: string;
  readonly maxRows: number | undefined;
  readonly timeLimitMs: number;
  readonly format: 'json' | 'parquet';
  /** A file, made anew: rows in that format, or {"error"} as JSON. */
  readonly answer: string;
}

export const BEGUN = '.';
export const ANSWERED = 'a';
export const REJECTED = 'r';
