// Keeps one child process running: starts it with a limit on its memory, prepares it, restarts it with back-off when it
// exits or stops answering, and stops it within a given time whatever it does.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { backOffMs } from './back-off.ts';
import { type CallHandlers, IpcCalls } from './ipc-calls.ts';
import { within } from './within.ts';

export interface SupervisedOptions {
  /** A file that Node.js runs; it answers the call "ping". */
  readonly program: string;
  readonly nodeOptions: readonly string[];
  /** Of private memory, as RLIMIT_DATA counts it: the kernel enforces the limit. */
  readonly memoryMb: number;
  readonly handlers: CallHandlers;
  /** A new process gets no other call before this has resolved; where it rejects, the process is ended. */
  readonly prepare: (calls: IpcCalls) => Promise<void>;
  readonly onExit: (exit: ProcessExit) => void;
  /** After an exit: the next process is prepared, or failed (`error`) and is tried again. */
  readonly onRestart: (result: { readonly pid?: number | undefined; readonly error?: Error }) => void;
  readonly silentMs?: number;
  readonly firstBackoffMs?: number;
  readonly longestBackoffMs?: number;
}

interface ProcessExit {
  readonly pid: number | undefined;
  /** "it ended with SIGKILL". */
  readonly reason: string;
}

/** A process exited while it was prepared; onExit() was called. */
export class EndedTooSoon extends Error {}

interface Running {
  readonly child: ChildProcess;
  readonly calls: IpcCalls;
  readonly exit: Promise<string>;
}

const PING_MS = 1000;
/** One that lived this long counts as healthy: its end starts the back-off from the beginning. */
const HEALTHY_MS = 30_000;

export class SupervisedProcess {
  readonly #options: SupervisedOptions;
  readonly #stopped = new AbortController();
  #running: Running | undefined;
  #waiting: (() => void)[] = [];
  #supervision: Promise<void> | undefined;

  private constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  /** Throws, with nothing left running, where the first process cannot be prepared. */
  static async start(options: SupervisedOptions): Promise<SupervisedProcess> {
    const supervised = new SupervisedProcess(options);
    supervised.#supervision = supervised.#supervise(await supervised.#launch());
    return supervised;
  }

  /** Undefined while none is ready. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** Calls the process that is ready, or the next one; again where one exits meanwhile. Rejects once stopped. */
  async call(name: string, argument?: unknown): Promise<unknown> {
    for (;;) {
      const { calls } = await this.#ready();
      try {
        return await calls.call(name, argument);
      } catch (error) {
        if (!calls.isClosed || this.#stopped.signal.aborted) throw error;
      }
    }
  }

  /** Sends to the process that is ready; the next one gets it when it is prepared. */
  notify(name: string, argument?: unknown): void {
    this.#running?.calls.notify(name, argument);
  }

  /** Ends the process when `finish` has resolved, or after the grace period. None runs afterwards. */
  async stop(finish: (calls: IpcCalls) => Promise<unknown>, graceMs: number): Promise<void> {
    this.#stopped.abort();
    this.#release();
    const running = this.#running;
    if (running !== undefined) {
      await within(
        graceMs,
        finish(running.calls).catch(() => undefined),
      );
      await end(running);
    }
    await this.#supervision;
  }

  async #supervise(first: Running): Promise<void> {
    let failures = 0;
    for (let running: Running | undefined = first; ; running = await this.#restart()) {
      const startedMs = performance.now();
      if (running !== undefined) {
        const reason = await this.#watch(running);
        this.#running = undefined;
        if (this.#stopped.signal.aborted) return;
        this.#options.onExit({ pid: running.child.pid, reason });
        if (performance.now() - startedMs > HEALTHY_MS) failures = 0;
      }
      await this.#backOff(failures);
      if (this.#stopped.signal.aborted) return;
      failures += 1;
    }
  }

  /** Resolves with the reason when it has exited; one that does not answer is killed. */
  async #watch(running: Running): Promise<string> {
    const { silentMs = 10_000 } = this.#options;
    const mostUnanswered = Math.ceil(silentMs / PING_MS);
    // By counting, not by the clock: after a time in which this process did not run, the other one must get time to
    // answer.
    let unanswered = 0;
    const timer = setInterval(() => {
      if (unanswered >= mostUnanswered) running.child.kill('SIGKILL');
      unanswered += 1;
      void running.calls.call('ping').then(
        () => (unanswered = 0),
        () => undefined,
      );
    }, PING_MS);
    const reason = await running.exit;
    clearInterval(timer);
    return unanswered > mostUnanswered ? `it did not answer for ${silentMs / 1000} s` : reason;
  }

  async #restart(): Promise<Running | undefined> {
    try {
      const running = await this.#launch();
      this.#options.onRestart({ pid: running.child.pid });
      return running;
    } catch (error) {
      const isNotified = error instanceof EndedTooSoon || this.#stopped.signal.aborted;
      if (!isNotified) this.#options.onRestart({ error: error as Error });
      return undefined;
    }
  }

  async #launch(): Promise<Running> {
    const running = spawnLimited(this.#options);
    const stop = (): void => void running.child.kill('SIGKILL');
    this.#stopped.signal.addEventListener('abort', stop);
    try {
      await this.#prepare(running);
    } catch (error) {
      await end(running);
      throw error;
    } finally {
      this.#stopped.signal.removeEventListener('abort', stop);
    }
    this.#running = running;
    this.#release();
    return running;
  }

  async #prepare({ child, calls, exit }: Running): Promise<void> {
    const ended = exit.then((reason) => ({ reason }));
    const prepared = this.#options.prepare(calls).catch(async (error: unknown) => {
      if (!calls.isClosed) throw error;
      return await ended;
    });
    const outcome = await Promise.race([prepared, ended]);
    if (outcome === undefined) return;
    if (!this.#stopped.signal.aborted) this.#options.onExit({ pid: child.pid, ...outcome });
    throw new EndedTooSoon(`Cannot start a process: ${outcome.reason}`);
  }

  async #ready(): Promise<Running> {
    for (;;) {
      if (this.#stopped.signal.aborted) throw new Error('Cannot ask a process that was stopped');
      if (this.#running?.calls.isClosed === false) return this.#running;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #backOff(failures: number): Promise<void> {
    const { firstBackoffMs: firstMs = 100, longestBackoffMs: longestMs = 10_000 } = this.#options;
    const waitMs = backOffMs(failures, { firstMs, longestMs });
    await delay(waitMs, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => undefined);
  }
}

/** The limit is set by the shell, which then becomes the process. */
function spawnLimited({ program, nodeOptions, memoryMb, handlers }: SupervisedOptions): Running {
  const script = 'ulimit -c 0; ulimit -d "$0" && exec "$@"';
  const limit = String(memoryMb * 1024);
  const child = spawn('/bin/sh', ['-c', script, limit, process.execPath, ...nodeOptions, program], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exit = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `exit code ${code}`}`));
  });
  return { child, calls: new IpcCalls(child, handlers), exit };
}

async function end({ child, exit }: Running): Promise<void> {
  child.kill('SIGKILL');
  await exit;
}
