// `sallyport operator` as a process of its own, as in a cluster, so that its memory and CPU time are measured alone.
// In: a kubeconfig. Out: its metrics, whether it has synced, and its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../support/free-ports.ts';

/** As users start it. */
const PROGRAM = fileURLToPath(new URL('../../hack/sallyport', import.meta.url));
const POLL_MS = 20;
const LIMIT_MS = 120_000;

export class OperatorProcess {
  /** When it was started, by performance.now(). */
  readonly startMs = performance.now();
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  /** Resolves at once; `logFile` is where its words go. */
  static async start(kubeconfig: string, logFile: string): Promise<OperatorProcess> {
    const [port = 0] = await freePorts(1);
    const options = ['--kubeconfig', kubeconfig, '--health-port', String(port), '--identity', 'bench'];
    const child = spawn(PROGRAM, ['operator', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    return new OperatorProcess(child, port);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /**
   * Resolves when it answers; what it loads until then is no block of its loop, so the longest is counted from here.
   */
  async answers(): Promise<void> {
    while ((await this.#readiness()) === undefined) await this.#pause();
    await this.metrics();
  }

  /** Resolves when every kind has been read once, with the moment; throws where it ends before. */
  async synced(): Promise<number> {
    while ((await this.#readiness()) !== true) await this.#pause();
    return performance.now();
  }

  /** Every sample by its name with labels, as in `leader_election_master_status{name="sallyport-operator"}`. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/metrics`);
    return parseMetrics(await response.text());
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** Throws where it has ended, or takes too long. */
  async #pause(): Promise<void> {
    if (this.#child.exitCode !== null) throw new Error('Cannot measure the operator: it has ended');
    if (performance.now() - this.startMs > LIMIT_MS) throw new Error('The operator does not become ready');
    await delay(POLL_MS);
  }

  /** Undefined while nobody answers. */
  async #readiness(): Promise<boolean | undefined> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/readyz`).catch(() => undefined);
    await response?.arrayBuffer();
    return response?.ok;
  }
}

/** Prometheus' text format, without its comments. */
export function parseMetrics(text: string): ReadonlyMap<string, number> {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))] as const;
    }),
  );
}
