// Keeps one Envoy running in its directory: starts it, adopts the one that a former process of ours left running,
// restarts it with back-off when it dies, stops it. Traffic never depends on us: Envoy is detached and outlives a
// killed supervisor. This file never changes Envoy's configuration.
import { access, constants, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AtomicFiles, attemptWrite } from '../../lib/atomic-file.ts';
import { backOffMs, spread } from '../../lib/back-off.ts';
import { EnvoyAdmin, EnvoyNotRunning } from './envoy-admin.ts';
import type { EnvoyHandle } from './envoy-handle.ts';
import { EnvoyLog } from './envoy-log.ts';
import {
  type EnvoyOrigin,
  type EnvoyPidFile,
  envoyArguments,
  isSameOrigin,
  readPidFile,
  wantedOrigin,
} from './envoy-pid-file.ts';
import { isRunning } from './process-identity.ts';
import {
  adoptEnvoy,
  describeExit,
  type EnvoyExit,
  endProcess,
  type RunningEnvoy,
  spawnEnvoy,
} from './running-envoy.ts';

export interface EnvoyProcessOptions {
  /** Absolute; holds bootstrap.json. */
  readonly directory: string;
  readonly binary: string;
  readonly files: AtomicFiles;
  /** Worker threads; Envoy's own default (one per core) where absent. */
  readonly concurrency?: number;
  /** Awaited before each new start, when no Envoy runs: the access log is rotated here. */
  readonly beforeStart?: () => Promise<void>;
  /** Before an Envoy that died is started again: puts back what somebody has removed of what it needs. */
  readonly beforeRestart?: () => Promise<void>;
  readonly onExit?: (exit: EnvoyExit) => void;
  /** After Envoy died: a new one is ready (`pid`), or the attempt failed (`error`) and the next one follows. */
  readonly onRestart?: (result: { readonly pid?: number; readonly error?: Error }) => void;
  readonly readyTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
  readonly firstBackoffMs?: number;
  readonly longestBackoffMs?: number;
}

const OWN_LOG_LIMIT_BYTES = 16 * 1024 * 1024;
// An Envoy that lived this long counts as healthy: its death starts the back-off from the beginning.
const HEALTHY_MS = 30_000;

export class EnvoyProcess implements EnvoyHandle {
  readonly admin: EnvoyAdmin;
  readonly #options: EnvoyProcessOptions;
  readonly #arguments: readonly string[];
  readonly #log: EnvoyLog;
  readonly #stopped = new AbortController();
  #running: RunningEnvoy | undefined;
  /** Of the running one, where that could not be written. */
  #unsaved: EnvoyPidFile | undefined;
  #supervision: Promise<void> | undefined;

  constructor(options: EnvoyProcessOptions) {
    this.#options = options;
    this.#arguments = envoyArguments(options.directory, options.concurrency);
    this.admin = new EnvoyAdmin(this.#path('admin.sock'));
    this.#log = new EnvoyLog(this.#path('log/envoy.log'));
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get problem(): string | undefined {
    return this.isRunning ? undefined : 'Envoy does not run';
  }

  /** It is started again here. */
  readonly restartReason = undefined;

  /** Undefined between a death and the next start. */
  get pid(): number | undefined {
    return this.#running?.identity.pid;
  }

  /** Resolves when Envoy is ready; throws, with Envoy's error, when the first start fails. */
  async start(): Promise<'adopted' | 'started'> {
    await this.#prepareDirectory();
    const origin = await this.#origin();
    const adopted = await this.#adopt(origin);
    this.#running = adopted ?? (await this.#launch(origin));
    this.#supervision = this.#supervise(this.#running);
    return adopted === undefined ? 'started' : 'adopted';
  }

  /** Ends Envoy: SIGTERM, then SIGKILL after a time limit. Nothing of it runs afterwards. */
  async stop(): Promise<void> {
    await this.release();
    if (this.#running !== undefined) {
      await endProcess(this.#running.identity, this.#stopTimeoutMs());
      await rm(this.#path('envoy.json'), { force: true });
      this.#running = undefined;
      this.#unsaved = undefined;
    }
  }

  /** Stops watching and leaves Envoy running, for the next supervisor to adopt. */
  async release(): Promise<void> {
    this.#stopped.abort();
    await this.#supervision;
    this.admin.close();
  }

  /** Ends the Envoy that a former process left running here, where nothing is to run any more. */
  async endFormer(): Promise<void> {
    const former = await readPidFile(this.#options.files, this.#path('envoy.json'));
    if (former !== undefined && (await isRunning(former))) await endProcess(former, this.#stopTimeoutMs());
    await this.#quitUnknown();
    await rm(this.#path('envoy.json'), { force: true });
    this.admin.close();
  }

  /**
   * Writes down which Envoy runs, where that could not be done when it started. Returns why it still cannot: the next
   * supervisor would replace that Envoy.
   */
  async save(): Promise<string | undefined> {
    const pidFile = this.#unsaved;
    if (pidFile === undefined) return undefined;
    const { files } = this.#options;
    const problem = await attemptWrite(this.#path('envoy.json'), (path) =>
      files.writeFileAtomic(path, `${JSON.stringify(pidFile)}\n`),
    );
    if (problem === undefined && this.#unsaved === pidFile) this.#unsaved = undefined;
    return problem;
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }

  #origin(): Promise<EnvoyOrigin> {
    return wantedOrigin(this.#options.directory, this.#options.binary, this.#arguments);
  }

  async #prepareDirectory(): Promise<void> {
    const { directory } = this.#options;
    try {
      await mkdir(this.#path('log'), { recursive: true });
      // Without writing: a disk that is full keeps no Envoy from starting.
      await access(this.#path('log'), constants.W_OK);
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(`Cannot write to Envoy's directory "${directory}": make it writable (${message})`, {
        cause,
      });
    }
    const log = await stat(this.#log.path).catch(() => undefined);
    if ((log?.size ?? 0) > OWN_LOG_LIMIT_BYTES) {
      await rename(this.#log.path, `${this.#log.path}.1`);
    }
  }

  // An Envoy that still runs here is either exactly the wanted one, or must end first: two cannot share the ports, the
  // socket and the log.
  async #adopt(origin: EnvoyOrigin): Promise<RunningEnvoy | undefined> {
    const former = await readPidFile(this.#options.files, this.#path('envoy.json'));
    if (former === undefined || !(await isRunning(former))) {
      await this.#quitUnknown();
      return undefined;
    }
    const identity = { pid: former.pid, startTicks: former.startTicks };
    if (isSameOrigin(former, origin) && (await this.#isReady())) {
      return adoptEnvoy(identity, this.#log, this.#stopped.signal);
    }
    await endProcess(identity, this.#stopTimeoutMs());
    return undefined;
  }

  // We were killed between starting Envoy and writing envoy.json: only the socket still knows that Envoy.
  async #quitUnknown(): Promise<void> {
    const deadlineMs = performance.now() + this.#stopTimeoutMs();
    while (performance.now() < deadlineMs) {
      const error: unknown = await this.admin.quit().catch((reason: unknown) => reason);
      if (error instanceof EnvoyNotRunning) {
        return;
      }
      await delay(50);
    }
    const { directory } = this.#options;
    throw new Error(`Cannot take over "${directory}": stop the Envoy that still listens on its admin.sock`);
  }

  async #launch(origin: EnvoyOrigin): Promise<RunningEnvoy> {
    await this.#options.beforeStart?.();
    await rm(this.#path('admin.sock'), { force: true });
    await this.#log.mark();
    const running = await spawnEnvoy(this.#options.binary, this.#arguments, this.#log);
    this.#unsaved = { ...running.identity, ...origin };
    try {
      await this.save();
      await this.#untilReady(running);
    } catch (error) {
      await endProcess(running.identity, this.#stopTimeoutMs());
      throw error;
    }
    return running;
  }

  async #untilReady(running: RunningEnvoy): Promise<void> {
    let exited: EnvoyExit | undefined;
    void running.exit.then((exit) => (exited = exit));
    const deadlineMs = performance.now() + (this.#options.readyTimeoutMs ?? 60_000);
    while (!(await this.#isReady())) {
      if (exited !== undefined) {
        throw new Error(`Cannot start Envoy: ${describeExit(exited)}`);
      }
      if (performance.now() > deadlineMs || this.#stopped.signal.aborted) {
        throw new Error(`Cannot start Envoy: it was not ready in time, read "${this.#log.path}"`);
      }
      await delay(10);
    }
  }

  async #isReady(): Promise<boolean> {
    return await this.admin.ready().catch(() => false);
  }

  async #supervise(first: RunningEnvoy): Promise<void> {
    let failures = 0;
    let startedMs = performance.now();
    for (let running: RunningEnvoy | undefined = first; ; ) {
      if (running !== undefined) {
        const exit: EnvoyExit | undefined = await this.#exitOrStop(running);
        if (exit === undefined) {
          return;
        }
        this.#running = undefined;
        this.#options.onExit?.(exit);
        failures = performance.now() - startedMs > HEALTHY_MS ? 0 : failures;
      }
      await this.#backoff(failures);
      if (this.#stopped.signal.aborted) {
        return;
      }
      failures += 1;
      running = await this.#restart();
      startedMs = performance.now();
    }
  }

  /** Undefined when we are to stop watching. */
  async #exitOrStop(running: RunningEnvoy): Promise<EnvoyExit | undefined> {
    const { signal } = this.#stopped;
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(undefined);
      });
    });
    const exit = signal.aborted ? undefined : await Promise.race([running.exit, stopped]);
    return signal.aborted ? undefined : exit;
  }

  async #restart(): Promise<RunningEnvoy | undefined> {
    try {
      await this.#options.beforeRestart?.();
      await this.#prepareDirectory();
      this.#running = await this.#launch(await this.#origin());
    } catch (error) {
      this.#options.onRestart?.({ error: error as Error });
      return undefined;
    }
    this.#options.onRestart?.({ pid: this.#running.identity.pid });
    return this.#running;
  }

  async #backoff(failures: number): Promise<void> {
    const { firstBackoffMs: firstMs = 100, longestBackoffMs: longestMs = 10_000 } = this.#options;
    const waitMs = spread(backOffMs(failures, { firstMs, longestMs }));
    await delay(waitMs, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => undefined);
  }

  #stopTimeoutMs(): number {
    return this.#options.stopTimeoutMs ?? 5_000;
  }
}
