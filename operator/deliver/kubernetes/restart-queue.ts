// Events of restarts that wait: the worst of each workspace first. A later Event takes the place of an earlier one about
// the same subject; where that said that it must restart, and it no longer must, nobody needs either, unless
// people may have read such a one before: one whose writing failed may be there, where only the answer came too late.
import type { RestartEvent } from '../../render/kubernetes/restart-events.ts';

/** Those of 1,000 workspaces, of which each names as many as it may. */
const MOST_WAITING = 20_000;

export class RestartQueue {
  readonly #onDropped: (event: RestartEvent) => void;
  /** By urgency, then by subject. */
  readonly #waiting = new Map<number, Map<string, RestartEvent>>();
  readonly #urgencies = new Map<string, number>();
  /** Subjects of waiting ones, of which an Event may be there that says that they must restart. */
  readonly #said = new Set<string>();

  /** `onDropped` gets those for which there is no room. */
  constructor(onDropped: (event: RestartEvent) => void) {
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#urgencies.size;
  }

  add(event: RestartEvent): void {
    const wasSaid = this.#said.has(event.subject);
    const waiting = this.#remove(event.subject);
    const isSaid = wasSaid || waiting?.reason === 'RestartCompleted';
    if (waiting !== undefined && !isSaid && event.reason === 'RestartCompleted') return;
    this.#put(event, isSaid);
  }

  /** One that was taken; something newer about the same subject goes before it. */
  putBack(event: RestartEvent): void {
    if (!this.#urgencies.has(event.subject)) this.#put(event, true);
  }

  take(most: number): readonly RestartEvent[] {
    const taken: RestartEvent[] = [];
    for (const urgency of [...this.#waiting.keys()].toSorted((a, b) => a - b)) {
      for (const event of [...(this.#waiting.get(urgency)?.values() ?? [])].slice(0, most - taken.length)) {
        this.#remove(event.subject);
        taken.push(event);
      }
    }
    return taken;
  }

  clear(): void {
    this.#waiting.clear();
    this.#urgencies.clear();
    this.#said.clear();
  }

  #put(event: RestartEvent, isSaid: boolean): void {
    if (this.size >= MOST_WAITING) return this.#onDropped(event);
    const urgency = urgencyOf(event);
    const equal = this.#waiting.get(urgency) ?? new Map<string, RestartEvent>();
    this.#waiting.set(urgency, equal.set(event.subject, event));
    this.#urgencies.set(event.subject, urgency);
    if (isSaid) this.#said.add(event.subject);
  }

  #remove(subject: string): RestartEvent | undefined {
    const urgency = this.#urgencies.get(subject);
    if (urgency === undefined) return undefined;
    const equal = this.#waiting.get(urgency);
    const event = equal?.get(subject);
    equal?.delete(subject);
    this.#urgencies.delete(subject);
    this.#said.delete(subject);
    return event;
  }
}

/** What is more open comes before all that is not; then the first of each workspace before the second of any. */
function urgencyOf({ type, rank }: RestartEvent): number {
  return type === 'Warning' ? rank : 1000 + rank;
}
