// Connections that Envoy closed at once, before reading a byte: at the limit of a port or of the gateway, or for lack
// of memory. Envoy writes no log line about those. In: Envoy's counters, which restart with each Envoy. Out: how many
// more there are.
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { EnvoyNotRunning, EnvoySilent, type RefusedAt } from './envoy-admin.ts';

const INTERVAL_MS = 2000;

/** By Envoy's counter. */
export type RefusedCounts = ReadonlyMap<string, RefusedAt>;

export interface OverloadedListenersOptions {
  /** Since Envoy's start. */
  readonly counted: () => Promise<RefusedCounts>;
  /** With the connections since the last call. */
  readonly onRefused: (refused: RefusedAt) => void;
  readonly onFailure: (error: Error) => void;
}

export class OverloadedListeners {
  readonly #options: OverloadedListenersOptions;
  readonly #loop: Loop;
  #last: RefusedCounts = new Map();
  #total = 0;

  constructor(options: OverloadedListenersOptions) {
    this.#options = options;
    this.#loop = new Loop({
      job: async () => {
        await this.look();
        return {};
      },
      minIntervalMs: INTERVAL_MS,
      retryIntervalMs: INTERVAL_MS,
      maxIntervalMs: INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => options.onFailure(error as Error),
    });
  }

  /** Since the start of this process. */
  get total(): number {
    return this.#total;
  }

  start(): void {
    this.#loop.trigger();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async look(): Promise<void> {
    const counted = await this.#counted();
    if (counted === undefined) return;
    for (const [counter, refused] of counted) {
      const last = this.#last.get(counter)?.connections ?? 0;
      const now = refused.connections;
      const connections = now < last ? now : now - last;
      this.#total += connections;
      if (connections > 0) this.#options.onRefused({ ...refused, connections });
    }
    this.#last = counted;
  }

  async #counted(): Promise<RefusedCounts | undefined> {
    try {
      return await this.#options.counted();
    } catch (error) {
      if (error instanceof EnvoyNotRunning || error instanceof EnvoySilent) return undefined;
      throw error;
    }
  }
}

/** For people: what closed them, and why. */
export function refusalSentence({ listener, isOverloaded, connections }: RefusedAt): string {
  const who = listener === undefined ? 'it' : `"${listener}"`;
  const why = isOverloaded
    ? 'its memory is nearly used up'
    : `${who} has as many open as it may, and takes no more`;
  return `Envoy closed ${connections} connections at once: ${why}`;
}
