// The commands that restart one workload -> lines for a shell, in which each runs only where those before it succeeded: a
// workload that was not stopped is not waited for.
export function commandLines(commands: readonly string[]): readonly string[] {
  return commands.map((command, at) => (at === commands.length - 1 ? command : `${command} &&`));
}
