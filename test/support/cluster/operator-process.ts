// `sallyport operator` in a process of its own, that tests can freeze and kill.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import { until } from '../until.ts';

const MAIN = fileURLToPath(new URL('../../../operator/main.ts', import.meta.url));

export class OperatorProcess {
  readonly #child: ChildProcess;
  #log = '';

  /** It does not lead yet. */
  constructor(kubeconfig: string, identity: string) {
    const args = ['--kubeconfig', kubeconfig, '--namespace', SYSTEM_NAMESPACE, '--health-port', '0'];
    this.#child = spawn(process.execPath, [MAIN, 'operator', ...args, '--identity', identity], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
  }

  async untilItSays(message: string): Promise<void> {
    await until(`the operator says "${message}"`, () => this.#log.includes(`"${message}"`));
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Resolves when it is gone, as after a loss of power: nothing is given back. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
