// What of a gateway is not in force, as log lines: each state of it once, and once when all is well again.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../../lib/logger.ts';

export class FaultLog {
  readonly #logger: Logger;
  readonly #aboutFaults: string;
  #logged: readonly (readonly string[])[] | undefined;

  /** `aboutFaults` says what is wrong with the objects that have faults. */
  constructor(logger: Logger, aboutFaults: string) {
    this.#logger = logger;
    this.#aboutFaults = aboutFaults;
  }

  note(heldBack: readonly string[], faults: readonly string[]): void {
    const isFirst = this.#logged === undefined;
    if (isDeepStrictEqual(this.#logged, [heldBack, faults])) return;
    this.#logged = [heldBack, faults];
    if (heldBack.length > 0) this.#logger.error('not everything is in force; all is but this', { heldBack });
    if (faults.length > 0) this.#logger.error(this.#aboutFaults, { faults });
    if (heldBack.length + faults.length === 0 && !isFirst) this.#logger.info('everything is in force again');
  }
}
