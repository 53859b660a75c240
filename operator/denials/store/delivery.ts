// What a sink has acknowledged of a gateway's denials: how many, and up to where in the newest file of each log. A sink that
// has fewer has lost some; and one that knows the name of a gateway whose disk is new has rows of another pod of that name.
import { z } from 'zod';
import type { SinkProgress } from './row-sink.ts';

export const deliverySchema = z.object({
  /** Undefined: of a sink that does not count. */
  denials: z.int().min(0).optional(),
  /** By log file, as the sink names it. */
  positions: z.record(z.string(), z.int().min(0)),
  /** How many pods of this name there were before, as far as the sink knows; undefined until it was asked. */
  formerPods: z.int().min(0).optional(),
});

type DeliveryState = z.infer<typeof deliverySchema>;

export class Delivery {
  readonly #state: DeliveryState;

  /** Changes the state, which its owner stores. */
  constructor(state: DeliveryState) {
    this.#state = state;
  }

  /** Denials that the sink has, and said so; undefined where it does not count. */
  get denials(): number | undefined {
    return this.#state.denials;
  }

  /** The name of a log file for the sink. Files of a new disk are numbered anew, so another pod had the same. */
  nameOf(logFile: string): string {
    const { formerPods = 0 } = this.#state;
    return formerPods === 0 ? logFile : `${formerPods}.${logFile}`;
  }

  upTo(name: string): number {
    return this.#state.positions[name] ?? 0;
  }

  /** As it is now, whatever comes later: by a log file's own name. */
  acknowledgedUpTo(): (logFile: string) => number {
    const positions = { ...this.#state.positions };
    return (logFile) => positions[this.nameOf(logFile)] ?? 0;
  }

  /** The sink has acknowledged so many denials more, up to this place. */
  note(name: string, upTo: number, denials: number): void {
    if (this.#state.denials !== undefined) this.#state.denials += denials;
    this.#keep(name, upTo);
  }

  /** How many acknowledged denials the sink has no more. */
  compare({ positions, denials }: SinkProgress): number {
    this.#state.formerPods ??= positions.size === 0 ? 0 : Math.max(...[...positions.keys()].map(podOf)) + 1;
    for (const [name, upTo] of positions) this.#keep(name, upTo);
    const known = this.#state.denials;
    if (denials === undefined) delete this.#state.denials;
    else this.#state.denials = denials;
    return known === undefined || denials === undefined ? 0 : Math.max(0, known - denials);
  }

  /** Files of a log are read one after the other. */
  #keep(name: string, upTo: number): void {
    const file = fileOf(name);
    if (file === undefined || podOf(name) !== this.#state.formerPods) return;
    const { positions } = this.#state;
    const known = Object.keys(positions).find((other) => fileOf(other)?.log === file.log);
    const knownNumber = known === undefined ? -1 : (fileOf(known)?.number ?? -1);
    if (knownNumber > file.number) return;
    if (known !== undefined && knownNumber < file.number) delete positions[known];
    positions[name] = Math.max(upTo, positions[name] ?? 0);
  }
}

/** Of "2.access-000017" the third pod of that name. */
function podOf(name: string): number {
  return Number(/^(\d+)\./.exec(name)?.[1] ?? 0);
}

/** Undefined for a log without files. */
function fileOf(name: string): { readonly log: string; readonly number: number } | undefined {
  const [, log, number] = /^(.+)-(\d+)$/.exec(name) ?? [];
  return log === undefined ? undefined : { log, number: Number(number) };
}
