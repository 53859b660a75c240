// Runs Helm, in the version that hack/go-tool.sh pins, with a home of its own: no repository and no plugin of whoever
// runs the tests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProgramResult, runProgram } from '../cluster/run-program.ts';

const GO_TOOL = fileURLToPath(new URL('../../../hack/go-tool.sh', import.meta.url));
export const CHART = fileURLToPath(new URL('../../../charts/sallyport', import.meta.url));

/** Values of one rendering: arguments of "helm template" besides the release and the chart. */
export type ChartValues = Readonly<Record<string, unknown>>;

export class Helm {
  readonly #program: string;
  readonly #home: string;

  private constructor(program: string, home: string) {
    this.#program = program;
    this.#home = home;
  }

  /** The first time on a machine it is built, which takes minutes. */
  static async find(): Promise<Helm> {
    const { code, stdout, stderr } = await runProgram('bash', [GO_TOOL, 'helm']);
    if (code !== 0) throw new Error(stderr);
    return new Helm(stdout.trim(), await mkdtemp(join(tmpdir(), 'sallyport-helm-')));
  }

  /** Never throws for a code other than 0. */
  run(args: readonly string[], stdin = ''): Promise<ProgramResult> {
    const { HOME = '' } = process.env;
    return runProgram(this.#program, args, stdin, {
      HOME,
      HELM_CACHE_HOME: this.#home,
      HELM_CONFIG_HOME: this.#home,
      HELM_DATA_HOME: this.#home,
    });
  }

  /** "helm template", with these values. */
  template(values: ChartValues, args: readonly string[] = []): Promise<ProgramResult> {
    return this.#withValues('template', values, args);
  }

  /** "helm install", with these values. */
  install(values: ChartValues, args: readonly string[]): Promise<ProgramResult> {
    return this.#withValues('install', values, args);
  }

  #withValues(command: string, values: ChartValues, args: readonly string[]): Promise<ProgramResult> {
    const name = ['sallyport', CHART, '--namespace', 'sallyport-system'];
    return this.run([command, ...name, '--values', '-', ...args], JSON.stringify(values));
  }

  async remove(): Promise<void> {
    await rm(this.#home, { recursive: true, force: true });
  }
}
