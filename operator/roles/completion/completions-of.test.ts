import { Command, Option } from 'commander';
import { completionsOf } from './completions-of.ts';

function program(): Command {
  const made = new Command('kubectl sallyport');
  made
    .command('denials')
    .description('show denials')
    .option('--since <duration>', 'only the last')
    .option('--kubeconfig <file>', 'a file')
    .option('--follow', 'go on')
    .addOption(new Option('-o, --output <format>', 'how').choices(['json', 'yaml']));
  made.command('__complete', { hidden: true });
  return made;
}

test.each<[readonly string[], string]>([
  [[''], 'denials\tshow denials\n:4\n'],
  [['x'], ':4\n'],
  [['denials', '--f'], '--follow\tgo on\n:4\n'],
  [['denials', '-o', ''], 'json\t\nyaml\t\n:4\n'],
  [['denials', '--output', 'y'], 'yaml\t\n:4\n'],
  [['denials', '--since', ''], ':4\n'],
  [['denials', '--kubeconfig', ''], ':0\n'],
  [['denials', ''], ':4\n'],
  [['nosuch', ''], ':4\n'],
])('completionsOf() completes %j', (words, lines) => {
  expect(completionsOf(program(), words)).toBe(lines);
});
