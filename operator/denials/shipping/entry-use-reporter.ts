// What a gateway has counted -> the collector, whole, every minute and once more at the end. A report that fails is no loss:
// the next one says all that it said.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryUseReport } from '../../model/entry-use-row.ts';
import type { EntryUsesFile } from '../../model/entry-uses.ts';
import { ENTRY_USES_PATH } from '../wire/collector-wire.ts';
import { type AskCollector, packBody, refusalOf } from './collector-sink.ts';

export interface EntryUseReporterOptions {
  readonly ask: AskCollector;
  /** Undefined while nothing is known. */
  readonly counted: () => CountedUses | undefined;
  /** Of the first of several in a row. */
  readonly onFailure: (error: Error) => void;
  readonly everyMs?: number;
}

export interface CountedUses {
  /** Until when everything is counted, in epoch milliseconds. */
  readonly toMs: number;
  readonly uses: EntryUsesFile;
  /** The only workspace that has the policy; null where there are several. */
  readonly workspaceOf: (policy: string) => string | null;
}

const EVERY_MS = 60_000;
/** Before there is something to say. */
const FIRST_MS = 1000;
/** Of large reports: so many times longer than one takes. */
const PAUSE_PER_REPORT = 20;
/** Of one request; a policy is never divided. */
const MOST_ENTRIES = 5000;

export class EntryUseReporter {
  readonly #options: EntryUseReporterOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: EntryUseReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Everything is counted now: says so, and nothing after it. */
  async finish(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await this.#report('ENDED');
  }

  async #run(): Promise<void> {
    const { everyMs = EVERY_MS } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const startMs = performance.now();
      const isSaid = await this.#report('COUNTING');
      const pauseMs = isSaid
        ? Math.max(everyMs, PAUSE_PER_REPORT * (performance.now() - startMs))
        : Math.min(everyMs, FIRST_MS);
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Whether there was something to say. */
  async #report(state: EntryUseReport['state']): Promise<boolean> {
    const { counted, onFailure } = this.#options;
    const current = counted();
    if (current === undefined || current.uses.policies.length === 0) return false;
    try {
      await this.#send(current, state);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) onFailure(error as Error);
      this.#isFailing = true;
    }
    return true;
  }

  async #send(current: CountedUses, state: EntryUseReport['state']): Promise<void> {
    const { ask } = this.#options;
    const { missedUntil } = current.uses;
    const time = new Date(current.toMs).toISOString();
    for (const policies of partsOf(current)) {
      const body = await packBody({ time, state, missedUntil, policies } satisfies EntryUseReport);
      const answer = await ask({ method: 'POST', path: ENTRY_USES_PATH, body });
      if (answer.status !== 200) throw refusalOf(answer);
    }
  }
}

function partsOf({ uses, workspaceOf }: CountedUses): readonly EntryUseReport['policies'][] {
  const parts: EntryUseReport['policies'][] = [];
  let room = 0;
  for (const { policy, entries } of uses.policies) {
    const own = { policy, workspace: workspaceOf(policy), entries };
    if (entries.length > room || parts.length === 0) {
      parts.push([]);
      room = MOST_ENTRIES;
    }
    parts.at(-1)?.push(own);
    room -= entries.length;
  }
  return parts;
}
