// Connections for queries, lent inside a read-only transaction. Queries hold threads of Node's pool (4 by default),
// which the writer needs too. With at most two running, a slow query delays other queries, never the writer.
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import pLimit from 'p-limit';

const MOST = 2;
const INTERRUPT_MS = 20;

export class Readers {
  readonly #instance: DuckDBInstance;
  /** Throws where nothing is lent any more. */
  readonly #check: () => void;
  readonly #lent = new Set<DuckDBConnection>();
  readonly #places = pLimit(MOST);

  constructor(instance: DuckDBInstance, check: () => void) {
    this.#instance = instance;
    this.#check = check;
  }

  lend<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.#places(async () => {
      this.#check();
      const connection = await this.#instance.connect();
      this.#lent.add(connection);
      try {
        await connection.run('BEGIN TRANSACTION READ ONLY');
        return await work(connection);
      } finally {
        this.#lent.delete(connection);
        connection.closeSync();
      }
    });
  }

  /** Ends what is running; resolves when nothing is lent. Callers that wait get the error of the check. */
  async end(): Promise<void> {
    // A query between two of its steps ignores an interrupt, hence more than one.
    const interrupts = setInterval(() => this.#lent.forEach((one) => one.interrupt()), INTERRUPT_MS);
    const allTaken = Promise.withResolvers<void>();
    let taken = 0;
    const take = async (): Promise<void> => {
      taken += 1;
      if (taken === MOST) allTaken.resolve();
      await allTaken.promise;
    };
    await Promise.all(Array.from({ length: MOST }, () => this.#places(take)));
    clearInterval(interrupts);
  }
}
