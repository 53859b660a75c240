// Who administered which workspace from where within the last day: whoever made a successful change. The lock-out guard
// asks. Bounded: what came last stays.
import { createHash } from 'node:crypto';
import {
  CALLER_SEEN_MS,
  type Caller,
  MAX_CALLERS,
  MAX_CALLERS_PER_WORKSPACE,
} from '../model/caller-report.ts';

export interface Administered {
  /** Of the workspace, or of the system. */
  readonly namespace: string;
  readonly address: string;
  /** Name of the administrator. */
  readonly user: string;
}

/** What is known is renewed so often, since each time is a write. */
const RENEW_MS = 3_600_000;
const HASH_LENGTH = 16;

export class Administrators {
  /** The one seen first comes first. */
  readonly #seen = new Map<string, Caller>();

  constructor(former: readonly Caller[] = []) {
    this.add(former);
  }

  /** Whether that is news. */
  note({ namespace: workspace, address, user }: Administered, atMs: number): boolean {
    const before = this.#seen.get(keyOf({ workspace, address }));
    if (before !== undefined && atMs - Date.parse(before.lastSeen) < RENEW_MS) return false;
    const hash = createHash('sha256').update(user).digest('hex').slice(0, HASH_LENGTH);
    this.#put({ workspace, address, user: hash, lastSeen: new Date(atMs).toISOString() });
    return true;
  }

  /** What others saw. */
  add(callers: readonly Caller[]): void {
    for (const caller of callers.toSorted((a, b) => Date.parse(a.lastSeen) - Date.parse(b.lastSeen))) {
      const known = this.#seen.get(keyOf(caller));
      if (known === undefined || known.lastSeen < caller.lastSeen) this.#put(caller);
    }
  }

  /** Of the last day, the newest first. */
  recent(atMs: number): readonly Caller[] {
    return [...this.#seen.values()]
      .filter(({ lastSeen }) => atMs - Date.parse(lastSeen) < CALLER_SEEN_MS)
      .toReversed();
  }

  #put(caller: Caller): void {
    const key = keyOf(caller);
    this.#seen.delete(key);
    const ofWorkspace = [...this.#seen].filter(([, { workspace }]) => workspace === caller.workspace);
    const [oldest] = ofWorkspace.length >= MAX_CALLERS_PER_WORKSPACE ? ofWorkspace : this.#seen;
    const isFull = ofWorkspace.length >= MAX_CALLERS_PER_WORKSPACE || this.#seen.size >= MAX_CALLERS;
    if (isFull && oldest !== undefined) this.#seen.delete(oldest[0]);
    this.#seen.set(key, caller);
  }
}

function keyOf({ workspace, address }: Pick<Caller, 'workspace' | 'address'>): string {
  return `${workspace} ${address}`;
}
