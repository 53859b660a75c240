// A role of the product as a process of its own, as in a cluster: started as users start it, ready once its health port
// says so. In: the role and its options. Out: its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../support/free-ports.ts';

const PROGRAM = fileURLToPath(new URL('../../hack/sallyport', import.meta.url));
const POLL_MS = 50;
const LIMIT_MS = 120_000;

export interface RoleOptions {
  readonly role: 'ingress' | 'api' | 'collector';
  readonly podName: string;
  /** Without the health port. */
  readonly options: readonly string[];
  readonly logFile: string;
}

export class RoleProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when it is ready; throws where it ends before. */
  static async start({ role, podName, options, logFile }: RoleOptions): Promise<RoleProcess> {
    const [port = 0] = await freePorts(1);
    const child = spawn(PROGRAM, [role, '--health-port', String(port), ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, POD_NAME: podName },
    });
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const running = new RoleProcess(child);
    const deadlineMs = performance.now() + LIMIT_MS;
    while (!(await isReady(port))) {
      if (child.exitCode !== null || performance.now() > deadlineMs) {
        await running.stop();
        throw new Error(`"sallyport ${role}" does not become ready: its words are in "${logFile}"`);
      }
      await delay(POLL_MS);
    }
    return running;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.ok === true;
}
