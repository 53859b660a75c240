// Watches Envoy's overload actions. In: its gauges. Out: a sentence whenever an action begins or ends, and how much of
// its memory it uses.
import { OVERLOAD_ACTIONS } from '../../model/overload.ts';
import type { Overload } from './envoy-admin.ts';
import { askEnvoy } from './envoy-polls.ts';

const MB = 1024 * 1024;
const NOTHING_USED: Overload = { memoryPercent: 0, actions: new Set() };

export interface OverloadWatchOptions {
  readonly overload: () => Promise<Overload>;
  readonly memoryBytes: number;
  readonly onAction: (sentence: string) => void;
}

export class OverloadWatch {
  readonly #options: OverloadWatchOptions;
  #last: Overload = NOTHING_USED;

  constructor(options: OverloadWatchOptions) {
    this.#options = options;
  }

  /** Of what Envoy may use. */
  get memoryPercent(): number {
    return this.#last.memoryPercent;
  }

  async check(): Promise<void> {
    const { overload, memoryBytes, onAction } = this.#options;
    // An Envoy that does not run uses nothing.
    const now = await askEnvoy(overload, { gone: NOTHING_USED, silent: this.#last });
    const mb = `${Math.floor(memoryBytes / MB)} MB`;
    for (const { name, percent, does, doesAgain } of OVERLOAD_ACTIONS) {
      const [was, is] = [this.#last, now].map(({ actions }) => actions.has(name));
      if (is && !was) onAction(`Envoy reached ${percent} % of its memory (${mb}): ${does}`);
      if (was && !is) onAction(`Envoy is below ${percent} % of its memory (${mb}): ${doesAgain}`);
    }
    this.#last = now;
  }
}
