// Connections that Envoy closed at once, before a byte of them was read: a port had as many as it takes, or the gateway had.
// No listener writes a line about those. In: Envoy's counters, which begin anew with each Envoy. Out: a word whenever
// there are more, and how many they were.
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { EnvoyNotRunning, EnvoySilent } from './envoy-admin.ts';

const INTERVAL_MS = 2000;

/** By listener; those that the gateway as a whole refused are under WHOLE_GATEWAY. */
export type RefusedCounts = ReadonlyMap<string, number>;

/** No listener has this name. */
export const WHOLE_GATEWAY = '';

export interface RefusedConnectionsOptions {
  /** Since Envoy's start. */
  readonly counted: () => Promise<RefusedCounts>;
  /** So many since the last time. */
  readonly onRefused: (connections: number, listener: string) => void;
  readonly onFailure: (error: Error) => void;
}

export class RefusedConnections {
  readonly #options: RefusedConnectionsOptions;
  readonly #loop: Loop;
  #last: RefusedCounts = new Map();
  #total = 0;

  constructor(options: RefusedConnectionsOptions) {
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
    for (const [listener, now] of counted) {
      const last = this.#last.get(listener) ?? 0;
      const more = now < last ? now : now - last;
      this.#total += more;
      if (more > 0) this.#options.onRefused(more, listener);
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
