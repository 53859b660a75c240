// The part of a container runtime for tests of a gateway whose Envoy is another container: runs Envoy on the bootstrap
// of a directory, restarts it when it ends, and ends it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { envoyArguments } from '../../../operator/gateway/process/envoy-pid-file.ts';

const RESTART_MS = 1000;

export class EnvoyContainer {
  readonly #binary: string;
  readonly #directory: string;
  readonly #stopped = new AbortController();
  #child: ChildProcess;
  #supervision: Promise<void>;

  constructor(binary: string, directory: string) {
    this.#binary = binary;
    this.#directory = directory;
    this.#child = this.#spawn();
    this.#supervision = this.#supervise();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopped.abort();
    this.#child.kill(signal);
    await this.#supervision;
  }

  async #supervise(): Promise<void> {
    for (;;) {
      if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
      await delay(RESTART_MS, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      if (this.#stopped.signal.aborted) return;
      this.#child = this.#spawn();
    }
  }

  #spawn(): ChildProcess {
    return spawn(this.#binary, envoyArguments(this.#directory, 1), { stdio: 'ignore' });
  }
}
