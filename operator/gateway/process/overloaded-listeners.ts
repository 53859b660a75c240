// Connections that Envoy closed at once, before reading a byte: at the limit of a port or of the gateway, or for lack
// of memory. Envoy writes no log line about those. In: Envoy's counters, which restart with each Envoy. Out: how many
// more there are. They are kept for the process that takes over the same Envoy, so that none counts twice.
import { readIfExists, writeOrSay } from '../../lib/atomic-file.ts';
import type { DeniedAt } from './envoy-admin.ts';
import { askEnvoy } from './envoy-polls.ts';

/** In the directory of an Envoy. */
export const DENIED_CONNECTIONS = 'denied-connections.json';

/** By Envoy's counter. */
type DeniedCounts = ReadonlyMap<string, DeniedAt>;

export interface OverloadedListenersOptions {
  /** Since Envoy's start. */
  readonly counted: () => Promise<DeniedCounts>;
  /** With the connections since the last call. */
  readonly onDenied: (denied: DeniedAt) => void;
  /** Whether a former process left the Envoy that runs. */
  readonly isAdopted: () => boolean;
  /** Where the counters are kept. */
  readonly path: string;
}

/** By Envoy's counter. */
type Counters = ReadonlyMap<string, number>;

export class OverloadedListeners {
  readonly #options: OverloadedListenersOptions;
  /** Undefined before the first answer. */
  #last: Counters | undefined;
  /** As in the file. */
  #saved = '';
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
    const counters = new Map([...counted].map(([counter, { connections }]) => [counter, connections]));
    const before = this.#last ?? (await this.#former(counters));
    for (const [counter, denied] of counted) {
      const last = before.get(counter) ?? 0;
      const now = denied.connections;
      const connections = now < last ? now : now - last;
      this.#total += connections;
      if (connections > 0) this.#options.onDenied({ ...denied, connections });
    }
    this.#last = counters;
    await this.#save(counters);
  }

  /** What a former process has counted of the same Envoy: all, where that is not known. */
  async #former(counters: Counters): Promise<Counters> {
    const { isAdopted, path } = this.#options;
    if (!isAdopted()) return new Map();
    const text = await readIfExists(path).catch(() => undefined);
    return parseCounters(text) ?? counters;
  }

  /** Throws where that fails; the next check tries again. */
  async #save(counters: Counters): Promise<void> {
    const text = `${JSON.stringify(Object.fromEntries(counters))}\n`;
    if (text === this.#saved) return;
    const problem = await writeOrSay(this.#options.path, text);
    if (problem !== undefined) throw new Error(problem);
    this.#saved = text;
  }
}

/** Undefined where the text is none of ours. */
function parseCounters(text: string | undefined): Counters | undefined {
  try {
    return new Map(Object.entries(JSON.parse(text ?? '') as Record<string, number>));
  } catch {
    return undefined;
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
