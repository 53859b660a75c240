// Words of a command line, of which the last is not finished -> what it could be, as kubectl expects it of a plugin: a line
// for each choice with a tab before its meaning, and last the number of a directive for the shell.
import type { Command, Option } from 'commander';

/** No file names: nothing here takes one but --kubeconfig, where the shell completes them. */
const NO_FILES = ':4';
const FILES = ':0';

export function completionsOf(program: Command, words: readonly string[]): string {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = program.commands.find((one) => one.name() === before[0]);
  if (command === undefined) return linesOf(before.length === 0 ? commandsOf(program) : [], typed);
  const value = valueOf(command, before.at(-1));
  if (value !== undefined)
    return value.long === '--kubeconfig' ? `${FILES}\n` : linesOf(choicesOf(value), typed);
  return linesOf(typed.startsWith('-') ? optionsOf(command) : [], typed);
}

type Choice = readonly [string, string];

function linesOf(choices: readonly Choice[], typed: string): string {
  const fitting = choices.filter(([name]) => name.startsWith(typed));
  return [...fitting.map(([name, meaning]) => `${name}\t${meaning}`), NO_FILES, ''].join('\n');
}

function commandsOf(program: Command): readonly Choice[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help')
    .map((command) => [command.name(), command.description()]);
}

/** The option whose value comes next. */
function valueOf(command: Command, previous: string | undefined): Option | undefined {
  const option = command.options.find(({ short, long }) => [short, long].includes(previous));
  return option?.required === true ? option : undefined;
}

function choicesOf({ argChoices = [] }: Option): readonly Choice[] {
  return argChoices.map((choice) => [choice, '']);
}

function optionsOf(command: Command): readonly Choice[] {
  return command.options.flatMap(({ long, hidden, description }) =>
    long === undefined || hidden ? [] : [[long, description] as const],
  );
}
