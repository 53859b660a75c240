// Events on denied pods and on their owners: rows that were stored in, writes to the API server out. Best effort: while
// the API server is in trouble they wait, within bounds, and count on; no row ever waits for them.
import { type CountedEvent, countEvent } from '../../deliver/kubernetes/count-event.ts';
import type { EventReporter } from '../../deliver/kubernetes/event-requests.ts';
import { inParallel } from '../../deliver/kubernetes/in-parallel.ts';
import { type CountedDenials, notedDenial, notedRequest } from '../../denials/events/event-of-denial.ts';
import { EventSeriesPlan, type EventWrite } from '../../denials/events/event-series.ts';
import { type Subject, WaitingDenials, type WaitingSubject } from '../../denials/events/waiting-denials.ts';
import type { LogRow, RaisedRow, RowSink } from '../../denials/store/row-sink.ts';
import type { ObjectReference } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { Tally } from '../../lib/tally.ts';
import { within } from '../../lib/within.ts';
import type { Denial } from '../../model/denial.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';

export interface DenialEventsOptions {
  readonly reporter: EventReporter;
  readonly logger: Pick<Logger, 'warn'>;
  /** The pod of that uid, and the top of its owners; none where they are not known. */
  readonly objectsOf: (podUid: string) => Promise<readonly ObjectReference[]>;
  /** The PolicyAssignment of that Namespace; none where it is not known. */
  readonly assignmentOf: (workspace: string) => Promise<readonly ObjectReference[]>;
  /** Denials that no Event counts. */
  readonly onDropped: (denials: number) => void;
  readonly onWrite: (result: EventWriteResult) => void;
}

/** `refused`: the API server does not want it; `failed`: it is in trouble, and is asked again. */
type EventWriteResult = 'written' | 'refused' | 'failed';

const PASS_MS = 1000;
const WRITE_TIMEOUT_MS = 5000;
/** Objects that are not found by then are found in the next pass. */
const OBJECTS_MS = 5000;
/** After each failure twice as long. */
const [LEAST_PAUSE_MS, LONGEST_PAUSE_MS] = [1000, 60_000];
/** Beyond so many raised rows that wait, further ones are not counted. */
const MOST_RAISED = 20_000;
/** Answers after which the same request may do. */
const PASSING: readonly number[] = [0, 401, 408, 409, 429];

type ObjectsOf = () => Promise<readonly ObjectReference[]>;
type Write = EventWrite<CountedEvent>;

export class DenialEvents {
  readonly #options: DenialEventsOptions;
  readonly #plan: EventSeriesPlan<CountedEvent>;
  readonly #loop: Loop;
  readonly #failures: Tally;
  readonly #waiting = new WaitingDenials<ObjectsOf>();
  #raised: RaisedRow[] = [];
  #failed = 0;
  #pausedUntilMs = 0;

  constructor(options: DenialEventsOptions) {
    this.#options = options;
    this.#plan = new EventSeriesPlan(options.onDropped);
    this.#failures = new Tally((count) =>
      options.logger.warn('Events of denials were not written', { count }),
    );
    this.#loop = new Loop({
      job: async () => {
        await this.#pass();
        return { runAgainAtMs: this.#failed > 0 ? this.#pausedUntilMs : undefined };
      },
      ...{ minIntervalMs: PASS_MS, retryIntervalMs: PASS_MS, maxIntervalMs: 10 * PASS_MS },
      clock: SYSTEM_CLOCK,
      onFailure: (error) => options.logger.warn('a pass over Events of denials failed', { error }),
    });
  }

  /** The same sink; what it stores is recorded here, and what it had before is not. */
  outbound(sink: RowSink<Denial>): RowSink<Denial> {
    return this.#recording(sink, (rows) => this.record(rows));
  }

  inbound(sink: RowSink<InboundDenial>): RowSink<InboundDenial> {
    return this.#recording(sink, (rows) => this.#recordRequests(rows));
  }

  /** Returns at once. */
  record(rows: readonly Denial[]): void {
    for (const row of rows) {
      const { who, lost, podUid, eventId, workspace: tenant } = row;
      if (who !== 'POD' || lost > 0 || podUid === null) this.#plan.ignore(eventId);
      else {
        const objects = () => this.#options.objectsOf(podUid);
        this.#wait({ id: `pod ${podUid}`, tenant, objects }, notedDenial(row));
      }
    }
    this.#loop.trigger();
  }

  #recordRequests(rows: readonly InboundDenial[]): void {
    for (const row of rows) {
      const { policyOutcome, workspace, reason, eventId } = row;
      if (policyOutcome !== 'DENY' || workspace === null || reason === 'DENIALS_NOT_KEPT')
        this.#plan.ignore(eventId);
      else {
        const objects = () => this.#options.assignmentOf(workspace);
        this.#wait({ id: `workspace ${workspace}`, tenant: workspace, objects }, notedRequest(row));
      }
    }
    this.#loop.trigger();
  }

  #wait(subject: Subject<ObjectsOf>, denials: CountedDenials): void {
    if (!this.#waiting.add(subject, denials)) this.#options.onDropped(denials.count);
  }

  #recording<Row extends LogRow>(sink: RowSink<Row>, record: (rows: readonly Row[]) => void): RowSink<Row> {
    return {
      canRaise: sink.canRaise,
      progress: (gateway) => sink.progress(gateway),
      append: async (batch) => {
        const outcome = await sink.append(batch);
        if (outcome.duplicates > 0) return outcome;
        record(batch.denials);
        this.#raise(batch.raised ?? []);
        return outcome;
      },
    };
  }

  #raise(rows: readonly RaisedRow[]): void {
    const room = Math.max(0, MOST_RAISED - this.#raised.length);
    for (const row of rows.slice(0, room)) this.#raised.push(row);
    const dropped = rows.slice(room).reduce((sum, { by }) => sum + by, 0);
    if (dropped > 0) this.#options.onDropped(dropped);
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #pass(): Promise<void> {
    const raised = this.#raised;
    this.#raised = [];
    const waiting = this.#waiting.takeAll();
    await Promise.all(waiting.map((subject) => this.#note(subject)));
    for (const row of raised) this.#plan.raise(row, Date.now());
    if (Date.now() < this.#pausedUntilMs) return;
    // After a failure one write finds out whether others may follow.
    const due = this.#failed > 0 ? this.#plan.due(Date.now(), 1) : this.#plan.due(Date.now());
    const failures = await inParallel(due, (write) => this.#write(write));
    this.#failed = failures.length === 0 ? 0 : this.#failed + 1;
    if (failures.length > 0) this.#failures.add(failures.length);
  }

  async #note(subject: WaitingSubject<ObjectsOf>): Promise<void> {
    const objects = await within(OBJECTS_MS, subject.objects()).catch(() => undefined);
    const nowMs = Date.now();
    for (const denials of subject.denials.values()) {
      if (objects === undefined) this.#wait(subject, denials);
      else if (objects.length === 0) this.#options.onDropped(denials.count);
      objects?.forEach((regarding, at) =>
        this.#plan.note({ denials, regarding, tenant: subject.tenant, isCounted: at === 0 }, nowMs),
      );
    }
  }

  /** Rejects where it is to be tried again. */
  async #write(write: Write): Promise<void> {
    const { series, count } = write;
    const { reporter, onWrite } = this.#options;
    if (Date.now() < this.#pausedUntilMs) return this.#plan.failed(write, false);
    try {
      const { key, event, writtenCount, unansweredCount: unanswered, written: known } = series;
      const { firstSeenMs, lastSeenMs } = series;
      const counted = await countEvent(reporter, event, {
        ...{ key, by: count - writtenCount, unanswered, known, firstSeenMs, lastSeenMs },
        signal: AbortSignal.timeout(WRITE_TIMEOUT_MS),
      });
      this.#plan.done(write, counted, Date.now());
      onWrite('written');
    } catch (error) {
      this.#failedToWrite(write, error);
    }
  }

  #failedToWrite(write: Write, error: unknown): void {
    const { status = 0, retryAfterMs = 0 } = error instanceof ApiFailure ? error : {};
    if (status < 500 && !PASSING.includes(status)) {
      this.#plan.refused(write, Date.now());
      this.#options.onWrite('refused');
      return;
    }
    this.#plan.failed(write, status === 0 || status >= 500);
    this.#options.onWrite('failed');
    const pauseMs = Math.max(retryAfterMs, Math.min(LEAST_PAUSE_MS * 2 ** this.#failed, LONGEST_PAUSE_MS));
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, Date.now() + Math.min(pauseMs, LONGEST_PAUSE_MS));
    throw error;
  }
}
