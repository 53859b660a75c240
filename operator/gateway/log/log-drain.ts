// Callers that wait until the log is consumed up to its end at the time of their call. Holds positions and callbacks
// only.
import type { LogPosition } from './log-files.ts';

interface Waiter {
  readonly target: LogPosition;
  readonly resolve: () => void;
  idlePasses: number;
}

export class LogDrain {
  readonly #waiters = new Set<Waiter>();

  wait(target: LogPosition): Promise<void> {
    return new Promise((resolve) => this.#waiters.add({ target, resolve, idlePasses: 0 }));
  }

  /** Everything before the position is consumed. */
  reached(position: LogPosition): void {
    this.#release(({ target }) => {
      const isFurther = position.sequence > target.sequence;
      return isFurther || (position.sequence === target.sequence && position.offset >= target.offset);
    });
  }

  /**
   * A pass found no complete line. It may have begun before somebody asked, so it takes two of them to know that
   * only an unfinished line is left. True when another pass is needed.
   */
  idle(): boolean {
    for (const waiter of this.#waiters) {
      waiter.idlePasses += 1;
    }
    this.#release(({ idlePasses }) => idlePasses >= 2);
    return this.#waiters.size > 0;
  }

  releaseAll(): void {
    this.#release(() => true);
  }

  #release(isDone: (waiter: Waiter) => boolean): void {
    for (const waiter of [...this.#waiters].filter(isDone)) {
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** Lets one loop sleep until somebody signals; a signal that comes while the loop works ends its next sleep. */
export class WakeUp {
  #isSignalled = false;
  #wake: (() => void) | undefined;

  signal(): void {
    this.#isSignalled = true;
    this.#wake?.();
  }

  async sleep(): Promise<void> {
    if (!this.#isSignalled) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#wake = undefined;
    this.#isSignalled = false;
  }
}
