// Runs a program to its end. Out: its code and all that it wrote; throws only where it cannot be started.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runProgram(
  program: string,
  args: readonly string[],
  stdin = '',
  environment: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  const child = spawn(program, args, { env: { ...process.env, ...environment } });
  // One that ends before it has read everything closes its end; its code and messages say why.
  child.stdin.on('error', () => undefined).end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code: code ?? -1, stdout, stderr };
}
