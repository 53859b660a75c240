// The only scheduling code. Guarantees, for a job that computes everything from everything:
//   1. never two runs at once; a trigger during a run causes one more run after it
//   2. the first trigger runs at once; further ones wait until `minIntervalMs` after the last start
//   3. after a failure it runs again within `retryIntervalMs`, without a trigger
//   4. it runs at least every `maxIntervalMs`, or earlier where the job asks for it
// The clock is injected; nothing here sleeps in a test.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Calls back once after the delay; the result cancels it. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** When the job wants to run again at the latest, in epoch milliseconds. */
export interface JobResult {
  readonly runAgainAtMs?: number | undefined;
}

export interface LoopOptions {
  readonly job: () => Promise<JobResult>;
  readonly minIntervalMs: number;
  readonly retryIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
  /** Called after every run: how long it took, and how long the first trigger before it had to wait. */
  readonly onRun?: (run: LoopRun) => void;
}

export interface LoopRun {
  readonly seconds: number;
  readonly queuedSeconds: number;
  readonly failed: boolean;
}

/** Current state, for polling. */
export interface LoopState {
  /** Triggers so far; those that found one waiting already do not count. */
  readonly triggers: number;
  readonly isTriggered: boolean;
  /** Undefined while no run is going on. */
  readonly runningSeconds: number | undefined;
}

// Node's timers overflow beyond this and would fire at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Loop {
  readonly #options: LoopOptions;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #running = false;
  #triggered = false;
  #triggeredAtMs = 0;
  #triggers = 0;
  #stopped = false;
  #cancelTimer: () => void = () => undefined;
  #waiting: (() => void)[] = [];

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Something changed: run soon. */
  trigger(): void {
    if (this.#stopped || this.#triggered) return;
    this.#triggered = true;
    this.#triggers += 1;
    this.#triggeredAtMs = this.#options.clock.nowMs();
    if (!this.#running) this.#schedule(this.#soonestMs());
  }

  state(): LoopState {
    const runningMs = this.#running ? this.#options.clock.nowMs() - this.#lastStartMs : undefined;
    return {
      triggers: this.#triggers,
      isTriggered: this.#triggered,
      runningSeconds: runningMs === undefined ? undefined : runningMs / 1000,
    };
  }

  /** Resolves when no run is going on and none has been triggered. */
  settled(): Promise<void> {
    if (this.#stopped || (!this.#running && !this.#triggered)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** No run starts after this; resolves when the last one has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    if (this.#running) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#releaseWaiting();
  }

  /** Also after the clock was turned back, maybe by hours. */
  #soonestMs(): number {
    const { clock, minIntervalMs } = this.#options;
    return Math.min(this.#lastStartMs, clock.nowMs()) + minIntervalMs;
  }

  #schedule(atMs: number): void {
    this.#cancelTimer();
    const delayMs = Math.min(Math.max(0, atMs - this.#options.clock.nowMs()), MAX_TIMER_MS);
    this.#cancelTimer = this.#options.clock.setTimer(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#lastStartMs = this.#options.clock.nowMs();
    const queuedMs = this.#triggered ? this.#lastStartMs - this.#triggeredAtMs : 0;
    this.#triggered = false;
    this.#running = true;
    const nextMs = await this.#runJob(queuedMs);
    this.#running = false;
    if (this.#stopped) return this.#releaseWaiting();
    this.#schedule(this.#triggered ? this.#soonestMs() : nextMs);
    if (!this.#triggered) this.#releaseWaiting();
  }

  async #runJob(queuedMs: number): Promise<number> {
    const { job, clock, onFailure, onRun, retryIntervalMs, maxIntervalMs } = this.#options;
    const notify = (failed: boolean): void =>
      onRun?.({
        seconds: (clock.nowMs() - this.#lastStartMs) / 1000,
        queuedSeconds: queuedMs / 1000,
        failed,
      });
    try {
      const { runAgainAtMs = Number.POSITIVE_INFINITY } = await job();
      notify(false);
      return Math.min(clock.nowMs() + maxIntervalMs, runAgainAtMs);
    } catch (error) {
      notify(true);
      onFailure(error);
      return clock.nowMs() + retryIntervalMs;
    }
  }

  #releaseWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Runs a long computation with pauses, and yields to the event loop at each. */
export async function inSteps<Result>(steps: Generator<void, Result>): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await yieldToEventLoop();
  }
}
