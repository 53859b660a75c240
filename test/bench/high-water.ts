// Peak memory of a process, by sampling. In: who runs now. Out: megabytes at the end.
import { memoryOf } from './process-usage.ts';

const INTERVAL_MS = 50;

export class HighWater {
  readonly #timer: NodeJS.Timeout;
  #highestMb = 0;

  private constructor(pid: () => number) {
    // A process that is just being replaced has nothing to add: no file, or one without memory in it.
    const check = (): Promise<void> =>
      memoryOf(pid()).then(
        ({ nowMb }) => this.#note(nowMb),
        () => undefined,
      );
    this.#timer = setInterval(() => void check(), INTERVAL_MS);
  }

  static start(pid: () => number): HighWater {
    return new HighWater(pid);
  }

  /** Until now. */
  get highestMb(): number {
    return this.#highestMb;
  }

  stop(): number {
    clearInterval(this.#timer);
    return this.#highestMb;
  }

  #note(megabytes: number): void {
    if (megabytes > this.#highestMb) this.#highestMb = megabytes;
  }
}
