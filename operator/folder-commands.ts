// Commands over a folder of YAML, or over what `sallyport run` has stored of one: no cluster is needed.
import { type Command, Option } from 'commander';
import {
  collect,
  listenOption,
  portsOption,
  stateOption,
  withDenialsOptions,
  withIngressOptions,
  withProxyOptions,
  withSuggestOptions,
} from './command-options.ts';
import { PRODUCTS } from './model/product.ts';

/** In the order in which `--help` shows them. */
export function addFolderCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  addRun(program, environment);
  addDenials(program, environment);
  addLists(program);
  addExplain(program);
  addSuggest(program);
  addRender(program);
}

function addRun(program: Command, environment: NodeJS.ProcessEnv): void {
  withIngressOptions(withProxyOptions(program.command('run')))
    .option('--retention <duration>', 'age at which rows of the denial log are deleted (default: 365d)')
    .option(
      '--retention-size <size>',
      'size at which the oldest rows of the denial log are deleted (default: 10GB)',
    )
    .description('run a gateway for the workspaces of a folder of YAML, on this machine, without a cluster')
    .argument('<folder>', 'folder of YAML, as for "kubectl apply -f"')
    .addOption(listenOption)
    .addOption(portsOption)
    .option(
      '--api-port <port>',
      'port of the REST API, plain HTTP on the listen address; 0: none (default: 8090)',
    )
    .option(
      '--api-tokens <file>',
      'tokens of the REST API; made with one token where it is missing (default: api-tokens.yaml of the state)',
    )
    .option('--api-workspace <name>', 'workspace (name or id) of REST calls whose host and headers name none')
    .option(
      '--api-trusted-proxy <cidr>',
      'proxies whose X-Forwarded-For the REST API believes (repeatable)',
      collect,
      [],
    )
    .action(async (folder: string, options) => {
      const { runCommand } = await import('./roles/run/command.ts');
      process.exitCode = await runCommand(folder, options, environment);
    });
}

function addDenials(program: Command, environment: NodeJS.ProcessEnv): void {
  withDenialsOptions(program.command('denials'))
    .option(
      '--state <dir>',
      'state directory of "sallyport run" (default: .sallyport where it is there, else the cluster of the kubeconfig)',
    )
    .action(async (options) => {
      const { denialsCommand } = await import('./roles/denials/command.ts');
      process.exitCode = await denialsCommand(options, { environment: environment });
    });
}

function addLists(program: Command): void {
  program
    .command('lists')
    .description('show how often each entry of the access lists decided')
    .addOption(stateOption)
    .option('--workspace <name>', 'only this workspace (name or id)')
    .option('--never-hit', 'only entries that decided nothing so far')
    .option('--json', 'one JSON object per workspace, with all counts')
    .action(async (options) => {
      const { listsCommand } = await import('./roles/lists/command.ts');
      process.exitCode = await listsCommand(options);
    });
}

function addExplain(program: Command): void {
  program
    .command('explain')
    .description('explain whether a connection would be allowed, and why')
    .argument('<folder>', 'folder of YAML')
    .argument('<destination>', 'host, host:port, https://host or http://host')
    .requiredOption('--workspace <name>', 'workspace (name or id); required')
    .addOption(
      new Option('--product <product>', 'product of the workload').choices(PRODUCTS).default('GENERAL'),
    )
    .action(async (folder: string, destination: string, options) => {
      const { explainCommand } = await import('./roles/explain/command.ts');
      process.exitCode = await explainCommand(folder, destination, options);
    });
}

function addSuggest(program: Command): void {
  withSuggestOptions(program.command('suggest'))
    .description(
      'suggest what to add to the policies and what to remove, from denials and from what was used',
    )
    .argument('<folder>', 'folder of YAML')
    .addOption(stateOption)
    .option('-n, --workspace <name>', 'only this workspace (name or id)')
    .option('--apply', 'show the difference, ask, and write it into the folder; comments stay')
    .option('--yes', 'with --apply: do not ask')
    .action(async (folder: string, options) => {
      const { suggestCommand } = await import('./roles/suggest/command.ts');
      process.exitCode = await suggestCommand(folder, options);
    });
}

function addRender(program: Command): void {
  program
    .command('render')
    .description("write Envoy's whole configuration, without starting anything")
    .argument('<folder>', 'folder of YAML')
    .requiredOption('--out <dir>', 'directory for the files; required')
    .addOption(listenOption)
    .addOption(portsOption)
    .action(async (folder: string, options) => {
      const { renderCommand } = await import('./roles/render/command.ts');
      process.exitCode = await renderCommand(folder, options);
    });
}
