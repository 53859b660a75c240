// Denials that wait until it is known which objects they are about: equal ones of one subject are one entry. One subject has
// few entries and one tenant a part of all, so whoever floods it takes nothing from others.
import type { CountedDenials } from './event-of-denial.ts';

/** Equal denials of one subject. */
interface WaitingDenial extends CountedDenials {
  count: number;
  readonly eventIds: string[];
}

export interface Subject<Objects> {
  /** Those with the same id have the same objects. */
  readonly id: string;
  readonly tenant: string;
  readonly objects: Objects;
}

export interface WaitingSubject<Objects> extends Subject<Objects> {
  readonly denials: ReadonlyMap<string, WaitingDenial>;
}

const MOST_OF_SUBJECT = 20;
const MOST_OF_TENANT = 5000;
const MOST = 20_000;
/** A row comes to count more within its second. */
const MOST_IDS = 200;

export class WaitingDenials<Objects> {
  readonly #subjects = new Map<string, Subject<Objects> & { readonly denials: Map<string, WaitingDenial> }>();
  readonly #ofTenants = new Map<string, number>();
  #size = 0;

  /** False where there is no room. */
  add({ id, tenant, objects }: Subject<Objects>, added: CountedDenials): boolean {
    const known = this.#subjects.get(id) ?? { id, tenant, objects, denials: new Map() };
    const { denials } = known;
    const isNamed = denials.has(added.key) || denials.size < MOST_OF_SUBJECT;
    const { key, event } = isNamed ? added : added.further;
    let entry = denials.get(key);
    if (entry === undefined) {
      if (!this.#takeRoom(tenant)) return false;
      entry = { key, event, further: added.further, count: 0, eventIds: [] };
      denials.set(key, entry);
      this.#subjects.set(id, known);
    }
    entry.count += added.count;
    entry.eventIds.push(...added.eventIds.slice(0, MOST_IDS - entry.eventIds.length));
    return true;
  }

  #takeRoom(tenant: string): boolean {
    const taken = this.#ofTenants.get(tenant) ?? 0;
    if (taken >= MOST_OF_TENANT || this.#size >= MOST) return false;
    this.#ofTenants.set(tenant, taken + 1);
    this.#size += 1;
    return true;
  }

  /** All that wait; afterwards nothing does. */
  takeAll(): readonly WaitingSubject<Objects>[] {
    const all = [...this.#subjects.values()];
    this.#subjects.clear();
    this.#ofTenants.clear();
    this.#size = 0;
    return all;
  }
}
