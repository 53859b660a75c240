// The command line of `kubectl sallyport`, a plugin of kubectl: what people ask a cluster. Options are read here, in
// person-config.ts and nowhere else; everything else loads lazily, so that help and completion are there at once.
import { Command } from 'commander';
import {
  argumentsFor,
  withDenialsOptions,
  withPersonOptions,
  withRestartOptions,
  withRestartsOptions,
  withSuggestOptions,
} from './command-options.ts';
import { printableText, widthOf } from './roles/shared/person-terminal.ts';

const USAGE = 2;

/** When the reader is gone, such as "head". */
function endQuietly(): void {
  process.exit(0);
}

/** What has been stopped is to be started again, even where nobody reads it. */
function goOn(): void {}

/** What commands see of the terminal. */
function surroundings() {
  return {
    environment: process.env,
    write: (text: string): void => void process.stdout.write(printableText(text)),
    complain: (text: string): void => void process.stderr.write(printableText(text)),
    width: widthOf(process.stdout),
  };
}

const program = new Command('kubectl sallyport')
  .description('Ask Sallyport what it denies, and why, in a cluster')
  .version('0.1.0')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE))
  .hook(
    'preAction',
    (_, command) => void process.stdout.on('error', command.name() === 'restart' ? goOn : endQuietly),
  );

withDenialsOptions(program.command('denials')).action(async (options) => {
  const { denialsCommand } = await import('./roles/denials/command.ts');
  process.exitCode = await denialsCommand(options, { environment: process.env, isPlugin: true });
});

withPersonOptions(program.command('status'))
  .description('show workspaces and what keeps them from being ready, gateways, and the collector')
  .option('-n, --namespace <name>', 'only the workspace that is this Namespace (or has this id)')
  .action(async (options) => {
    const { statusCommand } = await import('./roles/status/command.ts');
    process.exitCode = await statusCommand(options, surroundings());
  });

withPersonOptions(program.command('explain'))
  .description('explain whether a connection of a pod is allowed now, and after a restart, and why')
  .argument('<pod>', 'pod/NAME')
  .argument('<destination>', 'host, host:port, https://host or http://host')
  .option('-n, --namespace <name>', 'Namespace of the pod (default: that of the context)')
  .action(async (pod: string, destination: string, options) => {
    const { explainPodCommand } = await import('./roles/explain/pod-command.ts');
    const { status, out, err } = await explainPodCommand([pod, destination], options, process.env);
    const { write, complain } = surroundings();
    write(out);
    complain(err);
    process.exitCode = status;
  });

withSuggestOptions(withPersonOptions(program.command('suggest')))
  .description(
    'suggest what to add to the policies of workspaces and what to remove, from denials and from what was used',
  )
  .option('-n, --namespace <name>', 'only the workspace that is this Namespace (or has this id)')
  .option('--apply', 'show the difference and whom it concerns, ask, and change the policies')
  .option('--yes', 'with --apply: do not ask')
  .action(async (options) => {
    const { clusterSuggestCommand, confirmOnTerminal } = await import('./roles/suggest/cluster-command.ts');
    process.exitCode = await clusterSuggestCommand(options, {
      ...surroundings(),
      confirm: confirmOnTerminal(process.stdin, process.stdout),
    });
  });

withRestartsOptions(withPersonOptions(program.command('restarts'))).action(async (options) => {
  const { restartsCommand } = await import('./roles/restarts/command.ts');
  process.exitCode = await restartsCommand(options, surroundings());
});

withRestartOptions(withPersonOptions(program.command('restart'))).action(
  async (workload: string | undefined, options, { args }: Command) => {
    const { restartCommand } = await import('./roles/restart/command.ts');
    const { confirmOnTerminal } = await import('./roles/suggest/cluster-command.ts');
    const interruption = new AbortController();
    // The second one ends the process in the usual way.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
    // A terminal that is closed.
    process.on('SIGHUP', goOn);
    process.exitCode = await restartCommand(args.length > 1 ? args : workload, options, {
      ...surroundings(),
      confirm: confirmOnTerminal(process.stdin, process.stdout),
      signal: interruption.signal,
    });
  },
);

program
  .command('__complete', { hidden: true })
  .allowUnknownOption()
  .argument('[words...]')
  .action(async (words: readonly string[]) => {
    const { completionsOf } = await import('./roles/completion/completions-of.ts');
    process.stdout.write(completionsOf(program, words));
  });

await program.parseAsync(argumentsFor(program, process.argv));
