// The command line: which role runs. The environment is read here and in config.ts and nowhere else; roles load lazily,
// so that `--help` and `explain` start fast.
import { Command } from 'commander';
import { addClusterCommands } from './cluster-commands.ts';
import { argumentsFor } from './command-options.ts';
import { addFolderCommands } from './folder-commands.ts';

const USAGE = 2;

const program = new Command('sallyport')
  .description('Egress and access control for serverless workspaces')
  .version('0.1.0')
  .showHelpAfterError('(add --help for the options)')
  // Not commander's own 1: "explain" uses that for a denied connection.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE))
  // Ends quietly when the reader is gone, such as "head". "run" handles that itself, since it must stop Envoy.
  .hook('preAction', (_program, action) => {
    if (action.name() !== 'run') process.stdout.on('error', () => process.exit(0));
  });

addFolderCommands(program, process.env);
addClusterCommands(program, process.env);

// Of the plugin only: it asks a cluster.
program
  .command('status', { hidden: true })
  .description('only of a cluster: kubectl sallyport status')
  .allowUnknownOption()
  .allowExcessArguments()
  .action(() => {
    process.stderr.write(
      'Cannot show the status of a folder: of a cluster it is "kubectl sallyport status"; "sallyport run" says on its output what it does\n',
    );
    process.exitCode = USAGE;
  });

await program.parseAsync(argumentsFor(program, process.argv));
