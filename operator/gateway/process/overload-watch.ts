// Watches Envoy's overload actions. In: its gauges. Out: a sentence whenever an action begins or ends, and how much of
// its memory it uses.
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { OVERLOAD_ACTIONS } from '../../model/overload.ts';
import { EnvoyNotRunning, EnvoySilent, type Overload } from './envoy-admin.ts';

const INTERVAL_MS = 2000;
const MB = 1024 * 1024;

export interface OverloadWatchOptions {
  readonly overload: () => Promise<Overload>;
  readonly memoryBytes: number;
  readonly onAction: (sentence: string) => void;
  readonly onFailure: (error: Error) => void;
}

export class OverloadWatch {
  readonly #options: OverloadWatchOptions;
  readonly #loop: Loop;
  #last: Overload = { memoryPercent: 0, actions: new Set() };

  constructor(options: OverloadWatchOptions) {
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

  /** Of what Envoy may use. */
  get memoryPercent(): number {
    return this.#last.memoryPercent;
  }

  start(): void {
    this.#loop.trigger();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async look(): Promise<void> {
    const now = await this.#overload();
    const mb = `${Math.floor(this.#options.memoryBytes / MB)} MB`;
    for (const { name, percent, does, doesAgain } of OVERLOAD_ACTIONS) {
      const [was, is] = [this.#last, now].map(({ actions }) => actions.has(name));
      if (is && !was) this.#options.onAction(`Envoy reached ${percent} % of its memory (${mb}): ${does}`);
      if (was && !is)
        this.#options.onAction(`Envoy is below ${percent} % of its memory (${mb}): ${doesAgain}`);
    }
    this.#last = now;
  }

  /** An Envoy that does not run uses nothing. */
  async #overload(): Promise<Overload> {
    try {
      return await this.#options.overload();
    } catch (error) {
      if (error instanceof EnvoyNotRunning) return { memoryPercent: 0, actions: new Set() };
      if (error instanceof EnvoySilent) return this.#last;
      throw error;
    }
  }
}
