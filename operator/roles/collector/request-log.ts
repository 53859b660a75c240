// Requests that the collector refused, or could not answer, and connections that it ended, as log lines: the first of a kind at once, later ones together
// with their number and what the last of them was told. Whoever goes on asking fills no log.
import type { EndedConnection } from '../../lib/connection-bound.ts';
import type { Logger } from '../../lib/logger.ts';
import { Tally } from '../../lib/tally.ts';

/** Of callers that nobody knows; the metric counts them. */
const UNKNOWN = 401;

const ENDED: Readonly<Record<EndedConnection, string>> = {
  unaccepted: 'connections were ended: no caller was known of them in time',
  crowded: 'connections were ended: there were too many, and these were needed least',
};

interface Kind<Last> {
  last: Last;
  readonly tally: Tally;
}

export class RequestLog {
  readonly #logger: Pick<Logger, 'warn' | 'error'>;
  readonly #intervalMs: number | undefined;
  /** By status and call, of which there are few. */
  readonly #refusals = new Map<string, Kind<string>>();
  readonly #ended = new Map<EndedConnection, Kind<EndedConnection>>();
  #faults: Kind<unknown> | undefined;

  /** `intervalMs`: how long later ones of a kind wait; that of Tally unless given. */
  constructor(logger: Pick<Logger, 'warn' | 'error'>, intervalMs?: number) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  refused(status: number, reason: string, request: string): void {
    if (status === UNKNOWN) return;
    const key = `${status} ${request}`;
    const kind =
      this.#refusals.get(key) ??
      this.#kind(reason, (last, count) =>
        this.#logger.warn('requests were refused', { status, request, count, reason: last }),
      );
    this.#refusals.set(key, kind);
    note(kind, reason);
  }

  ended(reason: EndedConnection): void {
    const kind =
      this.#ended.get(reason) ??
      this.#kind(reason, (last, count) => this.#logger.warn(ENDED[last], { count }));
    this.#ended.set(reason, kind);
    note(kind, reason);
  }

  failed(error: unknown): void {
    this.#faults ??= this.#kind(error, (last, count) =>
      this.#logger.error('requests failed', { count, error: last }),
    );
    note(this.#faults, error);
  }

  #kind<Last>(first: Last, write: (last: Last, count: number) => void): Kind<Last> {
    const kind = { last: first, tally: new Tally((count) => write(kind.last, count), this.#intervalMs) };
    return kind;
  }
}

function note<Last>(kind: Kind<Last>, last: Last): void {
  kind.last = last;
  kind.tally.add(1);
}
