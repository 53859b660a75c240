// Denials that are lost and that no sink knows of yet, by owner, which files of a log were given up, and what a sink has
// acknowledged: a file beside the spools, written before anything is deleted. What was once handed over keeps its numbers and its counts, so that it
// can be handed over again and counts once.
import { z } from 'zod';
import type { AtomicFiles } from '../../lib/atomic-file.ts';
import { Delivery, deliverySchema } from './delivery.ts';

const lossSchema = z.object({
  owner: z.unknown(),
  lost: z.int().min(1),
  firstTime: z.string(),
  lastTime: z.string(),
});

const entrySchema = z.object({
  log: z.string(),
  /** Lost before the lines of this file and after those of the one before, or within files up to `to`. */
  from: z.int(),
  to: z.int(),
  /** Number of the first loss, once it was handed over. */
  number: z.int().optional(),
  losses: z.array(lossSchema),
});

const ledgerSchema = z.object({
  /** Number of the next loss that is handed over. */
  next: z.int().min(0),
  entries: z.array(entrySchema),
  /** By log, the numbers of the files that were given up last. */
  givenUp: z.record(z.string(), z.object({ from: z.int(), to: z.int() })),
  delivery: deliverySchema.default({ positions: {}, formerPods: 0 }),
  /** By log, how far it is read: a copy, for when its own file is damaged. */
  readUpTo: z.record(z.string(), z.object({ sequence: z.int(), offset: z.int().min(0) })).default({}),
});

/** So many denials of one owner, within these times. */
export type OwnedLoss = z.infer<typeof lossSchema>;
type LossEntry = z.infer<typeof entrySchema>;
type Ledger = z.infer<typeof ledgerSchema>;

export interface NumberedLoss extends OwnedLoss {
  readonly number: number;
}

interface ReadPosition {
  readonly sequence: number;
  readonly offset: number;
}

/** Where in a log something was lost. */
export interface LossPlace {
  readonly log: string;
  readonly sequence: number;
}

/** Of what was lost where it was stored: in no file of a log. */
export const OF_THE_STORE: LossPlace = { log: '', sequence: 0 };

/** Of one entry; the losses of further owners have none. */
const MOST_OWNERS = 200;

export interface LossLedgerOptions {
  readonly path: string;
  readonly files: AtomicFiles;
  /** Stands for owners beyond the limit. */
  readonly nobody: unknown;
  /** Whether nobody has read these logs before. */
  readonly isNew: boolean;
}

export class LossLedger {
  readonly #options: LossLedgerOptions;
  readonly #ledger: Ledger;
  readonly delivery: Delivery;

  private constructor(options: LossLedgerOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
    this.delivery = new Delivery(ledger.delivery);
  }

  /** One that cannot be read begins anew; `isDamaged` says so. */
  static async open(
    options: LossLedgerOptions,
  ): Promise<{ readonly ledger: LossLedger; readonly isDamaged: boolean }> {
    const text = await options.files.readIfExists(options.path);
    const known = text === undefined ? undefined : parse(text);
    const isNew = text === undefined && options.isNew;
    const delivery = { positions: {}, ...(isNew ? {} : { formerPods: 0 }) };
    const empty = { next: 0, entries: [], givenUp: {}, delivery, readUpTo: {} };
    return {
      ledger: new LossLedger(options, known ?? empty),
      isDamaged: text !== undefined && known === undefined,
    };
  }

  isGivenUp({ log, sequence }: LossPlace): boolean {
    const range = this.#ledger.givenUp[log];
    return range !== undefined && range.from <= sequence && sequence <= range.to;
  }

  lastGivenUp(log: string): number {
    return this.#ledger.givenUp[log]?.to ?? 0;
  }

  readUpTo(log: string): ReadPosition | undefined {
    return this.#ledger.readUpTo[log];
  }

  noteReadUpTo(log: string, position: ReadPosition): void {
    this.#ledger.readUpTo[log] = position;
  }

  /** Files are given up from the oldest unread one on, so an earlier range is read past. */
  giveUp({ log, sequence }: LossPlace): void {
    const known = this.#ledger.givenUp[log];
    const from = known?.to === sequence - 1 ? known.from : sequence;
    this.#ledger.givenUp[log] = { from, to: sequence };
  }

  /** Losses of the same place count together until they are handed over. */
  add({ log, sequence }: LossPlace, losses: readonly OwnedLoss[]): void {
    if (losses.length === 0) return;
    const isOpen = (entry: LossEntry) => entry.number === undefined && entry.log === log;
    const known = this.#ledger.entries.find(
      (entry) => isOpen(entry) && entry.from <= sequence && sequence <= entry.to + 1,
    );
    const entry = known ?? { log, from: sequence, to: sequence, losses: [] };
    if (known === undefined) this.#ledger.entries.push(entry);
    entry.to = Math.max(entry.to, sequence);
    entry.losses = mergeLosses(entry.losses, losses, this.#options.nobody);
  }

  /**
   * Gives numbers, not below `least`, to what was lost up to this place. Out: all that has a number and is not done, in
   * the order of the numbers.
   */
  handOver({ log, sequence }: LossPlace, least: number): readonly NumberedLoss[] {
    const isDue = (entry: LossEntry) => entry.number === undefined && isBefore(entry, { log, sequence });
    for (const entry of this.#ledger.entries.filter(isDue)) {
      entry.number = Math.max(this.#ledger.next, least);
      this.#ledger.next = entry.number + entry.losses.length;
    }
    return this.#ledger.entries
      .filter((entry) => entry.number !== undefined)
      .sort((a, b) => (a.number ?? 0) - (b.number ?? 0))
      .flatMap(({ number = 0, losses }) => losses.map((loss, at) => ({ ...loss, number: number + at })));
  }

  /** Denials that no sink has acknowledged as lost. */
  get waiting(): number {
    const losses = this.#ledger.entries.flatMap((entry) => entry.losses);
    return losses.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Whether there is anything that handOver() would give, without changing it. */
  isDue(place: LossPlace): boolean {
    return this.#ledger.entries.some((entry) => entry.number !== undefined || isBefore(entry, place));
  }

  /** A sink has all below this number. */
  done(before: number): void {
    this.#ledger.entries = this.#ledger.entries.filter(
      ({ number, losses }) => number === undefined || number + losses.length > before,
    );
  }

  async save(): Promise<void> {
    await this.#options.files.writeFileAtomic(this.#options.path, `${JSON.stringify(this.#ledger)}\n`);
  }
}

function isBefore(entry: LossEntry, { log, sequence }: LossPlace): boolean {
  return entry.log === OF_THE_STORE.log || (entry.log === log && entry.from <= sequence);
}

/** One loss for each owner. */
export function mergeLosses(
  known: readonly OwnedLoss[],
  more: readonly OwnedLoss[],
  nobody: unknown,
): OwnedLoss[] {
  const byOwner = new Map(known.map((loss) => [JSON.stringify(loss.owner), loss]));
  for (const loss of more) {
    const own = JSON.stringify(loss.owner);
    const isKnown = byOwner.has(own) || byOwner.size < MOST_OWNERS;
    const key = isKnown ? own : JSON.stringify(nobody);
    byOwner.set(key, sumOf(byOwner.get(key), isKnown ? loss : { ...loss, owner: nobody }));
  }
  return [...byOwner.values()];
}

function sumOf(known: OwnedLoss | undefined, loss: OwnedLoss): OwnedLoss {
  if (known === undefined) return loss;
  const firstTime = known.firstTime < loss.firstTime ? known.firstTime : loss.firstTime;
  const lastTime = known.lastTime > loss.lastTime ? known.lastTime : loss.lastTime;
  return { ...known, lost: known.lost + loss.lost, firstTime, lastTime };
}

function parse(text: string): Ledger | undefined {
  try {
    return ledgerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
