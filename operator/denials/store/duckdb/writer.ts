// The one connection that writes: one piece of work after the other, each in a transaction. A failure is its caller's;
// the next one runs.
import type { DuckDBConnection } from '@duckdb/node-api';
import pLimit from 'p-limit';

export class Writer {
  readonly #connection: DuckDBConnection;
  readonly #inTurn = pLimit(1);

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  transact<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#connection.run('BEGIN');
      try {
        const value = await work(this.#connection);
        await this.#connection.run('COMMIT');
        return value;
      } catch (cause) {
        // A failed COMMIT has rolled back already; the error of the ROLLBACK is ignored.
        await this.#connection.run('ROLLBACK').catch(() => undefined);
        throw cause;
      }
    });
  }

  /** Folds the write-ahead log into the file and frees what was deleted; false where a query is in the way. */
  checkpoint(): Promise<boolean> {
    const run = (): Promise<unknown> => this.#connection.run('CHECKPOINT');
    return this.#inTurn(run).then(
      () => true,
      () => false,
    );
  }

  /** Runs after all earlier work. */
  close(): Promise<void> {
    return this.#inTurn(async () => this.#connection.closeSync());
  }
}
