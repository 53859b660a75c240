// Which days are exported, and with which rows: a file that survives the process. It may be lost: then days are exported
// again, to the same files.
import { z } from 'zod';
import { readIfExists, writeFileAtomic } from '../../lib/atomic-file.ts';
import { type Day, type DayCount, dateOf } from '../store/day-count.ts';

const fileSchema = z.object({ target: z.string(), days: z.record(z.string(), z.string()) });

export class ExportedDays {
  readonly #path: string;
  readonly #target: string;
  #days: Map<string, string>;

  private constructor(path: string, target: string, days: Readonly<Record<string, string>>) {
    this.#path = path;
    this.#target = target;
    this.#days = new Map(Object.entries(days));
  }

  /** Another target has nothing yet. */
  static async load(path: string, target: string): Promise<ExportedDays> {
    const known = parse(await readIfExists(path));
    return new ExportedDays(path, target, known?.target === target ? known.days : {});
  }

  /** Whether these rows are all there. */
  has(count: DayCount): boolean {
    return this.#days.get(keyOf(count)) === count.fingerprint;
  }

  async add(count: DayCount): Promise<void> {
    this.#days.set(keyOf(count), count.fingerprint);
    await this.#save();
  }

  /** Before rows of them are deleted: what comes for such a day later is to be exported, whatever it looks like. */
  async forget(days: readonly Day[]): Promise<void> {
    const before = this.#days.size;
    for (const day of days) this.#days.delete(keyOf(day));
    if (this.#days.size !== before) await this.#save();
  }

  async #save(): Promise<void> {
    const content = { target: this.#target, days: Object.fromEntries(this.#days) };
    await writeFileAtomic(this.#path, `${JSON.stringify(content)}\n`);
  }
}

function keyOf({ table, day }: Day): string {
  return `${table}/${dateOf(day)}`;
}

function parse(text: string | undefined): z.infer<typeof fileSchema> | undefined {
  if (text === undefined) return undefined;
  try {
    return fileSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
