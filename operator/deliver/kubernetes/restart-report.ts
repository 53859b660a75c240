// What must restart -> Events, a few a second: they wait in a queue, and no pass waits for them. One that says what is no
// longer so is not written. Its name follows from what it says, so another leader that is not sure writes none twice.
import { createHash } from 'node:crypto';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import {
  type RestartEvent,
  type RestartEventsInput,
  restartEvents,
} from '../../render/kubernetes/restart-events.ts';
import { NO_RESTARTS_REMEMBERED, type RestartMemory } from '../../render/kubernetes/restart-memory.ts';
import { type EventReporter, type EventToRecord, eventName, postEvent } from './event-requests.ts';
import { inParallel } from './in-parallel.ts';
import { RestartQueue } from './restart-queue.ts';

export interface RestartReportOptions {
  readonly reporter: EventReporter;
  readonly logger: Pick<Logger, 'warn'>;
  readonly mayWrite: () => boolean;
  readonly onDropped: (event: EventToRecord, error: Error | undefined) => void;
}

const PASS_MS = 1000;
const MOST_IN_PASS = 10;
const RETRY_MS = 5000;
const WRITE_TIMEOUT_MS = 5000;
const CONFLICT = 409;
/** Answers after which the same request may do. */
const PASSING: readonly number[] = [0, 401, 408, 429];

export class RestartReport {
  readonly #options: RestartReportOptions;
  readonly #queue: RestartQueue;
  readonly #loop: Loop;
  #remembered: RestartMemory = NO_RESTARTS_REMEMBERED;
  #restarts: RestartEventsInput['after'] = new Map();

  constructor(options: RestartReportOptions) {
    this.#options = options;
    this.#queue = new RestartQueue((event) => options.onDropped(toRecord(event), undefined));
    this.#loop = new Loop({
      job: async () => {
        await this.#writeSome();
        return this.#queue.size > 0 ? { runAgainAtMs: Date.now() + PASS_MS } : {};
      },
      ...{ minIntervalMs: PASS_MS, retryIntervalMs: RETRY_MS, maxIntervalMs: 60_000, clock: SYSTEM_CLOCK },
      onFailure: (error) =>
        options.logger.warn('Events of restarts could not be written and are tried again', { error }),
    });
  }

  /** Of the last report; none where this is no leader. By workspace. */
  get restarts(): RestartEventsInput['after'] {
    return this.#restarts;
  }

  /** Returns at once: the time of the next report without a change of input, in epoch milliseconds. */
  notify(input: Omit<RestartEventsInput, 'remembered'>): number | undefined {
    const { events, remembered, changesAtMs } = restartEvents({ ...input, remembered: this.#remembered });
    this.#remembered = remembered;
    this.#restarts = input.after;
    for (const event of events) this.#queue.add(event);
    if (events.length > 0) this.#loop.trigger();
    return changesAtMs;
  }

  /** Another leads, and says it. */
  forget(): void {
    this.#remembered = NO_RESTARTS_REMEMBERED;
    this.#restarts = new Map();
    this.#queue.clear();
  }

  /** After what fits into one more pass. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#writeSome().catch(() => undefined);
  }

  /** Throws where the API server is in trouble. */
  async #writeSome(): Promise<void> {
    if (!this.#options.mayWrite()) return;
    const events = this.#queue.take(MOST_IN_PASS).map((event) => ({ kind: 'Event', metadata: event, event }));
    const [failure] = await inParallel(events, ({ event }) => this.#write(event));
    if (failure !== undefined) throw failure.error;
  }

  /** Rejects where it is to be tried again. */
  async #write(event: RestartEvent): Promise<void> {
    const { reporter, onDropped } = this.#options;
    const place = { namespace: event.namespace, name: nameOf(event) };
    const signal = AbortSignal.timeout(WRITE_TIMEOUT_MS);
    try {
      await postEvent(reporter, place, toRecord(event), { firstSeenMs: Date.now(), signal });
    } catch (error) {
      const status = error instanceof ApiFailure ? error.status : 0;
      if (status === CONFLICT) return;
      if (status < 500 && !PASSING.includes(status)) return onDropped(toRecord(event), error as Error);
      this.#queue.putBack(event);
      throw error;
    }
  }
}

function nameOf({ id, regarding }: RestartEvent): string {
  return eventName(regarding.name, createHash('sha256').update(id).digest('hex').slice(0, 16));
}

function toRecord({ namespace, regarding, type, reason, note }: RestartEvent): EventToRecord {
  return { namespace, regarding, type, reason, action: 'Restart', note };
}
