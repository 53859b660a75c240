// Gateways whose clocks are wrong, as log lines: the first at once, later ones together. The metric counts all rows.
import type { Logger } from '../../lib/logger.ts';
import { Tally } from '../../lib/tally.ts';

const MOST_NAMED = 10;

export class ClockLog {
  readonly #tally: Tally;
  #gateways = new Set<string>();

  /** `intervalMs`: how long later ones wait; that of Tally unless given. */
  constructor(logger: Pick<Logger, 'warn'>, intervalMs?: number) {
    this.#tally = new Tally((rows) => {
      const gateways = [...this.#gateways];
      this.#gateways = new Set();
      logger.warn(
        'rows have a time that no clock can have now, and are stored with that of their arrival: correct the clocks of the nodes of these gateways',
        { rows, gateways },
      );
    }, intervalMs);
  }

  corrected(gateway: string, rows: number): void {
    if (rows === 0) return;
    if (this.#gateways.size < MOST_NAMED) this.#gateways.add(gateway);
    this.#tally.add(rows);
  }
}
