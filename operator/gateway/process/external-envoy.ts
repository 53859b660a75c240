// An Envoy that somebody else starts, restarts and ends: another container of the pod. Only its admin socket says whether
// it runs and which version it is. This file never signals it and never removes a file of it.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EnvoyAdmin } from './envoy-admin.ts';
import type { EnvoyHandle, EnvoyStart } from './envoy-handle.ts';
import { MINIMUM_ENVOY_VERSION, versionProblem } from './find-envoy.ts';
import type { EnvoyExit } from './running-envoy.ts';

export interface ExternalEnvoyOptions {
  /** Absolute; holds bootstrap.json and the admin socket. */
  readonly directory: string;
  /** Before another Envoy starts: puts back what somebody has removed of what it needs. May be called several times. */
  readonly beforeRestart: () => Promise<void>;
  readonly onExit: (exit: EnvoyExit) => void;
  /** An Envoy is ready; `isFirst`: the first one since the start of this process. */
  readonly onReady: (isFirst: boolean) => void;
}

const POLL_MS = 250;
/** What Envoy writes goes to the log of its container. */
const WHY = 'the log of its container says why';

export class ExternalEnvoy implements EnvoyHandle {
  readonly admin: EnvoyAdmin;
  readonly pid = undefined;
  readonly #options: ExternalEnvoyOptions;
  readonly #stopped = new AbortController();
  #isReady = false;
  #wasReady = false;
  #isOutdated = false;
  #versionProblem: string | undefined;
  #silence: string | undefined;
  #watch: Promise<void> | undefined;

  constructor(options: ExternalEnvoyOptions) {
    this.#options = options;
    this.admin = new EnvoyAdmin(join(options.directory, 'admin.sock'));
  }

  get isRunning(): boolean {
    return this.#isReady;
  }

  get restartReason(): string | undefined {
    if (!this.#isReady) return `Envoy does not answer on its admin socket: ${WHY}`;
    if (this.#isOutdated) return 'Envoy runs with a former bootstrap.json';
    return this.#silence;
  }

  get problem(): string | undefined {
    return this.#isReady ? this.#versionProblem : `Envoy does not run: ${WHY}`;
  }

  async start(isBootstrapNew: boolean): Promise<EnvoyStart> {
    await this.#poll();
    this.#isOutdated = this.#isReady && isBootstrapNew;
    this.#watch = this.#watchUntilStopped();
    return this.#isReady ? 'adopted' : 'awaited';
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watch;
    this.#isReady = false;
    this.admin.close();
  }

  async endFormer(): Promise<void> {
    this.admin.close();
  }

  async save(): Promise<undefined> {
    return undefined;
  }

  async #watchUntilStopped(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await delay(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) await this.#poll();
    }
  }

  async #poll(): Promise<void> {
    try {
      const isReady = await this.admin.ready();
      this.#silence = undefined;
      await (isReady ? this.#ready() : this.#away());
    } catch (error) {
      // It is there, and busy or stopped.
      this.#silence = (error as Error).message;
    }
  }

  async #ready(): Promise<void> {
    if (this.#isReady) return;
    const { version } = await this.admin.serverInfo();
    this.#versionProblem = versionProblem(version, `Envoy ${MINIMUM_ENVOY_VERSION} or newer as its image`);
    this.#isReady = true;
    const isFirst = !this.#wasReady;
    this.#wasReady = true;
    // Of one that ran before this process, start() tells.
    if (this.#watch !== undefined) this.#options.onReady(isFirst);
  }

  async #away(): Promise<void> {
    const { beforeRestart, onExit } = this.#options;
    const wasReady = this.#isReady;
    this.#isReady = false;
    if (wasReady) {
      this.#isOutdated = false;
      onExit({ pid: undefined, code: null, signal: null, text: WHY });
    }
    if (this.#watch !== undefined) await beforeRestart();
  }
}
