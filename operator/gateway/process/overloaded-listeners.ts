// Connections that Envoy closed at once, before reading a byte: at the limit of a port or of the gateway, or for lack
// of memory. Envoy writes no log line about those. In: Envoy's counters, which restart with each Envoy. Out: how many
// more there are.
import type { DeniedAt } from './envoy-admin.ts';
import { askEnvoy } from './envoy-polls.ts';

/** By Envoy's counter. */
export type DeniedCounts = ReadonlyMap<string, DeniedAt>;

export interface OverloadedListenersOptions {
  /** Since Envoy's start. */
  readonly counted: () => Promise<DeniedCounts>;
  /** With the connections since the last call. */
  readonly onDenied: (denied: DeniedAt) => void;
}

export class OverloadedListeners {
  readonly #options: OverloadedListenersOptions;
  #last: DeniedCounts = new Map();
  #total = 0;

  constructor(options: OverloadedListenersOptions) {
    this.#options = options;
  }

  /** Since the start of this process. */
  get total(): number {
    return this.#total;
  }

  async check(): Promise<void> {
    const counted = await askEnvoy(this.#options.counted, { gone: undefined, silent: undefined });
    if (counted === undefined) return;
    for (const [counter, denied] of counted) {
      const last = this.#last.get(counter)?.connections ?? 0;
      const now = denied.connections;
      const connections = now < last ? now : now - last;
      this.#total += connections;
      if (connections > 0) this.#options.onDenied({ ...denied, connections });
    }
    this.#last = counted;
  }
}

/** For people: what closed them, and why. */
export function deniedSentence({ listener, isOverloaded, connections }: DeniedAt): string {
  const who = listener === undefined ? 'it' : `"${listener}"`;
  const why = isOverloaded
    ? 'its memory is nearly used up'
    : `${who} has as many open as it may, and takes no more`;
  return `Envoy closed ${connections} connections at once: ${why}`;
}
