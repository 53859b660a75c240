// Connections that Envoy closed at once, since it has as many as it takes in all: no listener writes a line about those.
// In: Envoy's counter, which begins anew with each Envoy. Out: a word whenever there are more, and how many they were.
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { EnvoyNotRunning, EnvoySilent } from './envoy-admin.ts';

const INTERVAL_MS = 10_000;

export interface RefusedConnectionsOptions {
  /** Since Envoy's start. */
  readonly counted: () => Promise<number>;
  /** So many since the last time. */
  readonly onRefused: (connections: number) => void;
  readonly onFailure: (error: Error) => void;
}

export class RefusedConnections {
  readonly #options: RefusedConnectionsOptions;
  readonly #loop: Loop;
  #last = 0;
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
    const more = counted < this.#last ? counted : counted - this.#last;
    this.#last = counted;
    this.#total += more;
    if (more > 0) this.#options.onRefused(more);
  }

  async #counted(): Promise<number | undefined> {
    try {
      return await this.#options.counted();
    } catch (error) {
      if (error instanceof EnvoyNotRunning || error instanceof EnvoySilent) return undefined;
      throw error;
    }
  }
}
