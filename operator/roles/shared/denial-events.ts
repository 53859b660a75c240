// Events on denied pods and on their owners: rows that were stored in, writes to the API server out. Best effort: what
// fails is tried again within bounds, and no row ever waits for it.
import { createEvent, type EventReporter, repeatEvent } from '../../deliver/kubernetes/event-requests.ts';
import { inParallel } from '../../deliver/kubernetes/in-parallel.ts';
import { EventSeriesPlan, type EventWrite, type RegardingObject } from '../../denials/events/event-series.ts';
import type { RowSink } from '../../denials/store/row-sink.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { Tally } from '../../lib/tally.ts';
import type { Denial } from '../../model/denial.ts';

export interface DenialEventsOptions {
  readonly reporter: EventReporter;
  readonly logger: Pick<Logger, 'warn'>;
  /** The pod of that uid, and the top of its owners; none where they are not known. */
  readonly objectsOf: (podUid: string) => Promise<readonly RegardingObject[]>;
  /** Denials that no Event counts. */
  readonly onDropped: (denials: number) => void;
}

const PASS_MS = 1000;
/** Beyond so many rows that wait for their objects, further ones get no Event. */
const MOST_WAITING = 20_000;

export class DenialEvents {
  readonly #options: DenialEventsOptions;
  readonly #plan: EventSeriesPlan;
  readonly #loop: Loop;
  readonly #failures: Tally;
  #waiting: Denial[] = [];

  constructor(options: DenialEventsOptions) {
    this.#options = options;
    this.#plan = new EventSeriesPlan(options.onDropped);
    this.#failures = new Tally((count) =>
      options.logger.warn('Events of denials were not written', { count }),
    );
    this.#loop = new Loop({
      job: async () => {
        await this.#pass();
        return {};
      },
      ...{ minIntervalMs: PASS_MS, retryIntervalMs: PASS_MS, maxIntervalMs: 10 * PASS_MS },
      clock: SYSTEM_CLOCK,
      onFailure: (error) => options.logger.warn('a pass over Events of denials failed', { error }),
    });
  }

  /** Returns at once. */
  record(rows: readonly Denial[]): void {
    const named = rows.filter(({ who, lost }) => who === 'POD' && lost === 0);
    const room = Math.max(0, MOST_WAITING - this.#waiting.length);
    for (const row of named.slice(0, room)) this.#waiting.push(row);
    const dropped = named.slice(room).reduce((sum, { repeats }) => sum + repeats, 0);
    if (dropped > 0) this.#options.onDropped(dropped);
    if (named.length > 0) this.#loop.trigger();
  }

  /** The same sink; what it stores is recorded here, and what it had before is not. */
  recording(sink: RowSink<Denial>): RowSink<Denial> {
    return {
      canRaise: sink.canRaise,
      progress: (gateway) => sink.progress(gateway),
      append: async (batch) => {
        const outcome = await sink.append(batch);
        if (outcome.duplicates === 0) this.record(batch.denials);
        return outcome;
      },
    };
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #pass(): Promise<void> {
    const rows = this.#waiting;
    this.#waiting = [];
    for (const [uid, own] of Map.groupBy(rows, ({ podUid }) => podUid)) {
      const objects = uid === null ? [] : await this.#options.objectsOf(uid);
      const nowMs = Date.now();
      for (const row of own) for (const object of objects) this.#plan.note(row, object, nowMs);
    }
    const failures = await inParallel(this.#plan.due(Date.now()), (write) => this.#write(write));
    for (const { item } of failures) this.#plan.failed(item, Date.now());
    if (failures.length > 0) this.#failures.add(failures.length);
  }

  async #write(write: EventWrite): Promise<void> {
    const { event, count, firstSeenMs, lastSeenMs, written } = write;
    const { reporter } = this.#options;
    const series = { count, lastObservedMs: lastSeenMs };
    const isThere = written !== undefined && (await repeatEvent(reporter, written, series));
    const place = isThere
      ? written
      : await createEvent(reporter, event, { firstSeenMs, ...(count > 1 && { series }) });
    this.#plan.done(write, place, Date.now());
  }
}
