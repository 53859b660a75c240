// The command line of `kubectl sallyport`, a plugin of kubectl: what people ask a cluster. Options are read here, in
// person-config.ts and nowhere else; everything else loads lazily, so that help and completion are there at once.
import { Command } from 'commander';
import { withDenialsOptions } from './command-options.ts';

const USAGE = 2;

const program = new Command('kubectl sallyport')
  .description('Ask Sallyport what it denies, and why, in a cluster')
  .version('0.1.0')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE))
  // Ends quietly when the reader is gone, such as "head".
  .hook('preAction', () => void process.stdout.on('error', () => process.exit(0)));

withDenialsOptions(program.command('denials')).action(async (options) => {
  const { denialsCommand } = await import('./roles/denials/command.ts');
  process.exitCode = await denialsCommand(options, { environment: process.env, isPlugin: true });
});

program
  .command('__complete', { hidden: true })
  .allowUnknownOption()
  .argument('[words...]')
  .action(async (words: readonly string[]) => {
    const { completionsOf } = await import('./roles/completion/completions-of.ts');
    process.stdout.write(completionsOf(program, words));
  });

await program.parseAsync(process.argv);
