// `sallyport` as its users start it: a process, its exit status, and every word that it prints.
// In: arguments and environment. Out: what came of it. Nothing of a command outlives the test that started it.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SALLYPORT = `${ROOT}hack/sallyport`;

export interface Ended {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

/** A command under way. */
export class Command {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  /** `environment` is added to that of the test. */
  constructor(program: string, args: readonly string[], environment: Environment = {}) {
    this.#child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: ROOT,
      env: { ...process.env, ...environment },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (status) => resolve({ status, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Standard output, then standard error. */
  get text(): string {
    return this.#stdout + this.#stderr;
  }

  /**
   * Resolves with the match as soon as the command has printed it; throws, with what it did print, when it does not.
   */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const hasEnded = (): boolean => this.#child.exitCode !== null || this.#child.signalCode !== null;
    await until('it is said', () => pattern.test(this.text) || hasEnded()).catch(() => undefined);
    const found = pattern.exec(this.text);
    if (found === null) throw new Error(`Waited in vain for ${pattern}; the command said:\n${this.text}`);
    return found;
  }

  /** As "| head" does it that has seen enough. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Sends the signal and waits for the end; harmless where it has ended. */
  end(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.#ended;
  }
}

/** `prefix` stands before the program, as that of another program that starts it. */
export function startSallyport(
  args: readonly string[],
  environment: Environment = {},
  prefix: readonly string[] = [],
): Command {
  const [program = SALLYPORT, ...all] = [...prefix, SALLYPORT, ...args];
  return new Command(program, all, environment);
}

/** Runs it to its end. */
export function sallyport(args: readonly string[], environment: Environment = {}): Promise<Ended> {
  return startSallyport(args, environment).ended();
}
