// Items of several tenants that wait, and the order in which they get their turn: of each tenant the one that waits longest,
// and of the tenants the one that has not had a turn for longest.
import { LRUCache } from 'lru-cache';

/** `none`: nobody's turn any more; `next tenant`: nobody's of this tenant. */
type Answer = 'taken' | 'next' | 'next tenant' | 'none';

const MOST_TENANTS = 10_000;

export class Turns<Item extends object> {
  readonly #tenants = new Map<string, Set<Item>>();
  /** Number of the last turn of each tenant. */
  readonly #lastTurns = new LRUCache<string, number>({ max: MOST_TENANTS });
  #turns = 0;

  /** One that waits already keeps its place. */
  add(tenant: string, item: Item): void {
    const waiting = this.#tenants.get(tenant) ?? new Set<Item>();
    this.#tenants.set(tenant, waiting.add(item));
  }

  delete(tenant: string, item: Item): void {
    const waiting = this.#tenants.get(tenant);
    waiting?.delete(item);
    if (waiting?.size === 0) this.#tenants.delete(tenant);
  }

  /** Asks of one after the other, and returns those that are taken, which wait no more. */
  take(ask: (item: Item) => Answer): readonly Item[] {
    const taken: Item[] = [];
    let queues = [...this.#tenants]
      .map(([tenant, items]) => ({ tenant, items: items.values(), last: this.#lastTurns.get(tenant) ?? 0 }))
      .toSorted((a, b) => a.last - b.last);
    while (queues.length > 0) {
      const left: typeof queues = [];
      for (const queue of queues) {
        const { item, answer } = firstTaken(queue.items, ask);
        if (answer === 'none') return taken;
        if (item === undefined) continue;
        taken.push(item);
        this.delete(queue.tenant, item);
        this.#turns += 1;
        this.#lastTurns.set(queue.tenant, this.#turns);
        left.push(queue);
      }
      queues = left;
    }
    return taken;
  }
}

function firstTaken<Item>(
  items: Iterator<Item>,
  ask: (item: Item) => Answer,
): { readonly item?: Item; readonly answer?: Answer } {
  for (let next = items.next(); next.done !== true; next = items.next()) {
    const answer = ask(next.value);
    if (answer === 'taken') return { item: next.value, answer };
    if (answer !== 'next') return { answer };
  }
  return {};
}
