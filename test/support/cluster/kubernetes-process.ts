// One process of the test control plane: started with its output in a log file, killed without notice.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ProcessPlace {
  /** Of etcd, kube-apiserver, kube-controller-manager and kubectl. */
  readonly binaries: string;
  /** For NAME.log and NAME.pid. */
  readonly folder: string;
  /** By default it ends with the process that started it, even if that one is killed. */
  readonly outlivesParent: boolean;
}

export class KubernetesProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly name: string;
  readonly #log: string;

  private constructor(name: string, child: ChildProcess, log: string) {
    this.name = name;
    this.#child = child;
    this.#log = log;
    this.#exit = new Promise((resolve) => child.once('exit', resolve));
  }

  static async start(
    name: string,
    args: readonly string[],
    { binaries, folder, outlivesParent }: ProcessPlace,
  ): Promise<KubernetesProcess> {
    const log = join(folder, `${name}.log`);
    const output = openSync(log, 'a');
    const child = spawn(join(binaries, name), args, {
      stdio: ['ignore', output, output],
      detached: outlivesParent,
      // Its garbage is collected only where it comes to much: a quarter of the work of a start would go there.
      env: {
        GOGC: 'off',
        GOMEMLIMIT: '1GiB',
        ...process.env,
        ...(outlivesParent ? {} : { EXIT_WITH_PARENT: '1' }),
      },
    });
    closeSync(output);
    const started = new KubernetesProcess(name, child, log);
    await once(child, 'spawn');
    if (outlivesParent) child.unref();
    await writeFile(join(folder, `${name}.pid`), `${child.pid}\n`);
    return started;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Returns when the process is gone, and its port free. */
  async kill(): Promise<void> {
    if (this.hasExited) return;
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  async lastWords(): Promise<string> {
    const lines = (await readFile(this.#log, 'utf8')).trimEnd().split('\n');
    return lines.slice(-15).join('\n');
  }
}
