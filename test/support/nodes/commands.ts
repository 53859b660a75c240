// kubectl, helm and the nodes of the cluster of the end-to-end suite, which hack/test-e2e.sh has prepared.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ProgramResult, runProgram } from '../cluster/run-program.ts';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** A whole program would hide what it complains of. */
const LONGEST_SHOWN = 200;
const KIND = `${ROOT}/hack/kind.sh`;

async function must(program: string, args: readonly string[], stdin?: string): Promise<string> {
  const result = await runProgram(program, args, stdin);
  if (result.code === 0) return result.stdout;
  const command = [program, ...args.map((text) => (text.length > LONGEST_SHOWN ? '…' : text))].join(' ');
  throw new Error(`${command}: ${result.stderr || result.stdout}`);
}

/** Standard output; throws what it complains of. */
export function kubectl(args: readonly string[], stdin?: string): Promise<string> {
  return must('kubectl', args, stdin);
}

export function tryKubectl(args: readonly string[], stdin?: string): Promise<ProgramResult> {
  return runProgram('kubectl', args, stdin);
}

export async function kubectlJson<Answer>(args: readonly string[]): Promise<Answer> {
  return JSON.parse(await kubectl([...args, '-o', 'json'])) as Answer;
}

export function apply(yaml: string): Promise<string> {
  return kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], yaml);
}

export function helm(args: readonly string[], stdin?: string): Promise<string> {
  return must('helm', args, stdin);
}

/** On the host of the nodes, where addresses of pods and nodes can be reached. */
export function onHost(command: readonly string[]): Promise<string> {
  return must(KIND, ['run', ...command]);
}

/** On the host: a program that ends when its standard input does, so with us at the latest. Returns how to end it. */
export function startOnHost(command: readonly string[]): () => void {
  const { stdin } = spawn(KIND, ['run', ...command], { stdio: ['pipe', 'inherit', 'inherit'] });
  return () => stdin.end();
}

export function onNode(node: string, script: string): Promise<string> {
  return onHost(['sh', '-c', '$ENGINE exec "$0" sh -c "$1"', node, script]);
}

/** It keeps its address. */
export function restartNode(node: string): Promise<string> {
  return must(KIND, ['restart', node]);
}
