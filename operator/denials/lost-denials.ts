// Denials that a gateway gives up unread, that nobody could write, or that a sink has lost -> rows that say how many they
// were, once a sink takes rows again. They are counted when they are lost and not when the row is stored.
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import pLimit from 'p-limit';
import type { AtomicFiles } from '../lib/atomic-file.ts';
import type { DeliveryRecord, LogConsumer, TimedLine } from './log-consumer.ts';
import type { LossReason } from './reading/denial-metrics.ts';
import { denialsOf, type LineReader, type LogLines, readLines } from './reading/read-denials.ts';
import {
  LossLedger,
  type LossPlace,
  mergeLosses,
  OF_THE_STORE,
  type OwnedLoss,
} from './store/loss-ledger.ts';
import type { LogRow, SinkProgress, Unnumbered } from './store/row-sink.ts';

/** In event ids, and where sinks say how far they are: "<gateway>/lost/<number>". */
const LOST_LOG = 'lost';

export type LossCause = Exclude<LossReason, 'unreadable' | 'pod-gone'>;

export interface LossReport {
  readonly cause: LossCause;
  readonly log: string;
  readonly lost: number;
  /** Of these, lines of which nobody knows whether they were denials. */
  readonly unreadable: number;
  readonly firstTime: string;
  readonly lastTime: string;
}

export interface LostDenialsOptions<Line extends TimedLine, Row extends LogRow> {
  readonly gateway: string;
  readonly path: string;
  readonly files: AtomicFiles;
  readonly reader: LineReader<Line, Unnumbered<Row>>;
  readonly consumer: Pick<LogConsumer<Line, Row>, 'storeRows' | 'positionOf' | 'checkSink'>;
  /** Whether rows that the sink had and has no more are lost; false of a store whose former file stays beside it. */
  readonly countsLossesOfSink: boolean;
  readonly onLost: (report: LossReport) => void;
  readonly onFailure: (error: Error) => void;
}

export class LostDenials<Line extends TimedLine, Row extends LogRow> {
  readonly #options: LostDenialsOptions<Line, Row>;
  readonly #ledger: LossLedger;
  /** By log, since the start. */
  readonly #lines = new Map<string, number>();
  /** Sending waits for the sink, and nothing else may wait for that. */
  readonly #sending = pLimit(1);
  readonly #saving = pLimit(1);

  private constructor(options: LostDenialsOptions<Line, Row>, ledger: LossLedger) {
    this.#options = options;
    this.#ledger = ledger;
  }

  static async open<Line extends TimedLine, Row extends LogRow>(
    options: LostDenialsOptions<Line, Row>,
  ): Promise<LostDenials<Line, Row>> {
    const { path, files, reader, onFailure } = options;
    const isNew = !(await hasPositions(dirname(path)));
    const { ledger, isDamaged } = await LossLedger.open({ path, files, nobody: reader.lost.nobody, isNew });
    if (isDamaged) {
      const what = 'denials that were lost and not stored yet are not counted';
      onFailure(new Error(`Cannot read "${path}", which begins anew: ${what}`));
    }
    return new LostDenials(options, ledger);
  }

  isGivenUp(place: LossPlace): boolean {
    return this.#ledger.isGivenUp(place);
  }

  lastGivenUp(log: string): number {
    return this.#ledger.lastGivenUp(log);
  }

  readUpTo(log: string): ReturnType<LossLedger['readUpTo']> {
    return this.#ledger.readUpTo(log);
  }

  /** All before is consumed: what a sink acknowledged is on disk before that is. */
  async noteReadUpTo({ log, sequence }: LossPlace, offset: number): Promise<void> {
    this.#ledger.noteReadUpTo(log, { sequence, offset });
    await this.#save();
  }

  /** What a sink has of this gateway. */
  get delivery(): DeliveryRecord {
    const { delivery } = this.#ledger;
    return {
      nameOf: (logFile) => delivery.nameOf(logFile),
      upTo: (name) => delivery.upTo(name),
      note: (name, upTo, denials) => delivery.note(name, upTo, denials),
      compare: (progress) => this.#compare(progress),
    };
  }

  /** Lines that were read or given up. */
  linesOf(log: string): number {
    return this.#lines.get(log) ?? 0;
  }

  /** Lines of a log file that were read, readable or not. */
  noteRead(logFile: string, lines: number): void {
    const log = logFile.slice(0, logFile.lastIndexOf('-'));
    this.#lines.set(log, this.linesOf(log) + lines);
  }

  /** Counts the lines, has the counts on disk, and calls `remove`, which deletes their file. */
  async giveUp(
    place: LossPlace,
    batches: AsyncIterable<LogLines>,
    remove: () => Promise<void>,
  ): Promise<void> {
    if (!this.isGivenUp(place)) {
      const counted = await this.#count(batches);
      this.#ledger.giveUp(place);
      this.#ledger.add(place, counted.losses);
      this.#report('spool-full', place, counted);
    }
    try {
      await this.#save();
    } catch (error) {
      // Only the file that is about to go makes space for the counts.
      if (!isFull(error)) throw error;
      await remove();
      await this.#save();
    }
    await remove();
  }

  /** So many lines were never written, or not in whole, between these times. */
  async noteUnwritten(place: LossPlace, lines: Omit<OwnedLoss, 'owner'>): Promise<void> {
    const losses = [{ ...lines, owner: this.#options.reader.lost.nobody }];
    this.#ledger.add(place, losses);
    this.#report('not-written', place, { losses, unreadable: lines.lost });
    await this.#save();
  }

  /** Rejects where the sink does not take the rows: they are handed over again, the same. */
  handOver(place: LossPlace): Promise<void> {
    if (!this.#ledger.isDue(place)) return Promise.resolve();
    return this.#sending(async () => {
      const { consumer, gateway, reader } = this.#options;
      // Asked first: what has a number keeps its counts, and what has none can still be added to.
      const least = await consumer.positionOf(LOST_LOG);
      const losses = this.#ledger.handOver(place, least);
      await this.#save();
      const rows = losses.map(({ number, owner, lost, firstTime }) => {
        const eventId = `${gateway}/${LOST_LOG}/${number}`;
        return { number, row: reader.lost.rowOf({ eventId, eventTime: firstTime, lost, owner }) };
      });
      await consumer.storeRows(LOST_LOG, rows);
      const upTo = (losses.at(-1)?.number ?? -1) + 1;
      this.#ledger.done(upTo);
      await this.#save();
    });
  }

  totals(): { acknowledged: number; waiting: number; upTo: (logFile: string) => number } {
    const { delivery, waiting } = this.#ledger;
    const upTo = delivery.acknowledgedUpTo();
    return { acknowledged: delivery.denials ?? 0, waiting, upTo };
  }

  async denialsIn(batches: AsyncIterable<LogLines>): Promise<number> {
    const { reader } = this.#options;
    let denials = 0;
    for await (const { logFile, lines } of batches) {
      const read = readLines(lines, reader.parse);
      denials += denialsOf(logFile, read.lines, reader.denialOf).length + read.unreadable.length;
    }
    return denials;
  }

  async checkSink(): Promise<void> {
    const { consumer, countsLossesOfSink } = this.#options;
    if (countsLossesOfSink) await consumer.checkSink();
  }

  async #compare(progress: SinkProgress): Promise<void> {
    const { reader, countsLossesOfSink } = this.#options;
    const lost = this.#ledger.delivery.compare(progress);
    if (lost > 0 && countsLossesOfSink) {
      const time = new Date().toISOString();
      const losses = [{ owner: reader.lost.nobody, lost, firstTime: time, lastTime: time }];
      this.#ledger.add(OF_THE_STORE, losses);
      this.#report('store-lost', OF_THE_STORE, { losses, unreadable: 0 });
    }
    // Before the sink gets more: by then it has as many as it says now.
    await this.#save();
  }

  async #count(batches: AsyncIterable<LogLines>): Promise<Counted> {
    const { reader } = this.#options;
    let losses: OwnedLoss[] = [];
    let unreadable = 0;
    let newest: string | undefined;
    for await (const { logFile, lines } of batches) {
      const read = readLines(lines, reader.parse);
      newest = read.lines.at(-1)?.line.time ?? newest;
      const denials = denialsOf(logFile, read.lines, reader.denialOf);
      const lost = denials.map((denial) => lossOf(reader.lost.ownerOf(denial), denial));
      const time = newest ?? new Date().toISOString();
      unreadable += read.unreadable.length;
      this.noteRead(logFile, read.lines.length + read.unreadable.length);
      if (read.unreadable.length > 0)
        lost.push(lossOf(reader.lost.nobody, { eventTime: time, repeats: read.unreadable.length }));
      losses = mergeLosses(losses, lost, reader.lost.nobody);
    }
    return { losses, unreadable };
  }

  #report(cause: LossCause, { log }: LossPlace, { losses, unreadable }: Counted): void {
    const [first] = losses;
    if (first === undefined) return;
    const whole =
      mergeLosses(
        [],
        losses.map((loss) => ({ ...loss, owner: null })),
        null,
      )[0] ?? first;
    const { lost, firstTime, lastTime } = whole;
    this.#options.onLost({ cause, log, lost, unreadable, firstTime, lastTime });
  }

  #save(): Promise<void> {
    return this.#saving(() => this.#ledger.save());
  }
}

interface Counted {
  readonly losses: readonly OwnedLoss[];
  readonly unreadable: number;
}

function lossOf(owner: unknown, { eventTime, repeats }: Pick<LogRow, 'eventTime' | 'repeats'>): OwnedLoss {
  return { owner, lost: repeats, firstTime: eventTime, lastTime: eventTime };
}

/** Whether a log of the folder was read before. */
async function hasPositions(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => name.endsWith('positions.json'));
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}
