// Events on denied pods and on their owners: rows that were stored in, writes to the API server out. Best effort: what
// fails is tried again within bounds, and no row ever waits for it.
import { createEvent, type EventReporter, repeatEvent } from '../../deliver/kubernetes/event-requests.ts';
import { inParallel } from '../../deliver/kubernetes/in-parallel.ts';
import { type NotedDenial, notedDenial, notedRequest } from '../../denials/events/event-of-denial.ts';
import { EventSeriesPlan, type EventWrite, type RegardingObject } from '../../denials/events/event-series.ts';
import type { LogRow, RaisedRow, RowSink } from '../../denials/store/row-sink.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { Tally } from '../../lib/tally.ts';
import type { Denial } from '../../model/denial.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';

export interface DenialEventsOptions {
  readonly reporter: EventReporter;
  readonly logger: Pick<Logger, 'warn'>;
  /** The pod of that uid, and the top of its owners; none where they are not known. */
  readonly objectsOf: (podUid: string) => Promise<readonly RegardingObject[]>;
  /** The PolicyAssignment of that Namespace; none where it is not known. */
  readonly assignmentOf: (workspace: string) => Promise<readonly RegardingObject[]>;
  /** Denials that no Event counts. */
  readonly onDropped: (denials: number) => void;
}

const PASS_MS = 1000;
/** Beyond so many rows that wait for their objects, further ones get no Event. */
const MOST_WAITING = 20_000;

interface Waiting {
  readonly denial: NotedDenial;
  /** Those of one subject have the same objects. */
  readonly subject: string;
  readonly objects: () => Promise<readonly RegardingObject[]>;
}

export class DenialEvents {
  readonly #options: DenialEventsOptions;
  readonly #plan: EventSeriesPlan;
  readonly #loop: Loop;
  readonly #failures: Tally;
  #waiting: Waiting[] = [];
  #raised: RaisedRow[] = [];

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

  /** The same sink; what it stores is recorded here, and what it had before is not. */
  outbound(sink: RowSink<Denial>): RowSink<Denial> {
    return this.#recording(sink, (rows) => this.record(rows));
  }

  inbound(sink: RowSink<InboundDenial>): RowSink<InboundDenial> {
    return this.#recording(sink, (rows) => this.#recordRequests(rows));
  }

  /** Returns at once. */
  record(rows: readonly Denial[]): void {
    this.#wait(
      rows.flatMap((row) => {
        const { who, lost, podUid } = row;
        if (who !== 'POD' || lost > 0 || podUid === null) return [];
        const objects = () => this.#options.objectsOf(podUid);
        return [{ denial: notedDenial(row), subject: `pod ${podUid}`, objects }];
      }),
    );
  }

  #recordRequests(rows: readonly InboundDenial[]): void {
    this.#wait(
      rows.flatMap((row) => {
        const { policyOutcome, workspace, reason } = row;
        if (policyOutcome !== 'DENY' || workspace === null || reason === 'DENIALS_NOT_KEPT') return [];
        const objects = () => this.#options.assignmentOf(workspace);
        return [{ denial: notedRequest(row), subject: `workspace ${workspace}`, objects }];
      }),
    );
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

  #wait(all: readonly Waiting[]): void {
    const room = Math.max(0, MOST_WAITING - this.#waiting.length);
    for (const one of all.slice(0, room)) this.#waiting.push(one);
    const dropped = all.slice(room).reduce((sum, { denial }) => sum + denial.repeats, 0);
    if (dropped > 0) this.#options.onDropped(dropped);
    if (all.length > 0) this.#loop.trigger();
  }

  #raise(rows: readonly RaisedRow[]): void {
    const room = Math.max(0, MOST_WAITING - this.#raised.length);
    for (const row of rows.slice(0, room)) this.#raised.push(row);
    const dropped = rows.slice(room).reduce((sum, { by }) => sum + by, 0);
    if (dropped > 0) this.#options.onDropped(dropped);
    if (rows.length > 0) this.#loop.trigger();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #pass(): Promise<void> {
    const [waiting, raised] = [this.#waiting, this.#raised];
    this.#waiting = [];
    this.#raised = [];
    for (const own of Map.groupBy(waiting, ({ subject }) => subject).values()) {
      const objects = (await own[0]?.objects()) ?? [];
      const nowMs = Date.now();
      for (const { denial } of own) for (const object of objects) this.#plan.note(denial, object, nowMs);
    }
    for (const row of raised) this.#plan.raise(row, Date.now());
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
