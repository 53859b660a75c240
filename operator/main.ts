// The command line: which role runs. Options are read here and in config.ts and nowhere else; roles load lazily, so
// that `--help` and `explain` start fast.
import { Command, Option } from 'commander';
import {
  argumentsFor,
  collect,
  collectorOption,
  collectorTokenOption,
  healthPortOption,
  kubeconfigOption,
  listenOption,
  logLevelOption,
  namespaceOption,
  portsOption,
  spoolOption,
  stateOption,
  withDenialsOptions,
  withEnvoyOptions,
  withIngressOptions,
  withPodOptions,
  withProxyOptions,
  withSuggestOptions,
} from './command-options.ts';
import { API_SERVER_EGRESS, type ApiServerEgress } from './model/api-server-egress.ts';
import { PRODUCTS } from './model/product.ts';
import { COLLECTOR_PORT } from './model/system-names.ts';

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
    process.exitCode = await runCommand(folder, options, process.env);
  });

withDenialsOptions(program.command('denials'))
  .option(
    '--state <dir>',
    'state directory of "sallyport run" (default: .sallyport where it is there, else the cluster of the kubeconfig)',
  )
  .action(async (options) => {
    const { denialsCommand } = await import('./roles/denials/command.ts');
    process.exitCode = await denialsCommand(options, { environment: process.env });
  });

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

withSuggestOptions(program.command('suggest'))
  .description('suggest what to add to the policies and what to remove, from denials and from what was used')
  .argument('<folder>', 'folder of YAML')
  .addOption(stateOption)
  .option('-n, --workspace <name>', 'only this workspace (name or id)')
  .option('--apply', 'show the difference, ask, and write it into the folder; comments stay')
  .option('--yes', 'with --apply: do not ask')
  .action(async (folder: string, options) => {
    const { suggestCommand } = await import('./roles/suggest/command.ts');
    process.exitCode = await suggestCommand(folder, options);
  });

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

program
  .command('operator')
  .description('compile the resources of a cluster into plans for gateways, isolation, status and Events')
  .addOption(kubeconfigOption)
  .addOption(namespaceOption)
  .addOption(healthPortOption)
  .addOption(logLevelOption)
  .option('--identity <name>', 'name of this replica (default: POD_NAME, or the name of the host)')
  .option('--cluster-domain <domain>', "domain of the cluster's Services", 'cluster.local')
  .option(
    '--cluster-dns <address>',
    "the cluster's own name server, which pods in dry-run list second (repeatable)",
    collect,
    [],
  )
  .addOption(
    new Option(
      '--api-server-egress <how>',
      'how KubeNetworkPolicies let gateways reach the API server: by its addresses, or at any address on its ports, for network plugins to which an ipBlock never matches a node',
    )
      .choices(API_SERVER_EGRESS)
      .default('ipBlock' satisfies ApiServerEgress),
  )
  .option(
    '--canary-image <image>',
    'image of Sallyport, for pods that measure whether the network enforces policies; without it nobody measures',
  )
  .option('--canary-namespace <name>', 'Namespace of those pods (default: sallyport-canary)')
  .option('--canary-interval <duration>', 'time between two measurements of a node (default: 5m)')
  .action(async (options) => {
    const { operatorCommand } = await import('./roles/operator/command.ts');
    process.exitCode = await operatorCommand(options, process.env);
  });

withPodOptions(withProxyOptions(program.command('gateway')))
  .description('run one Envoy of a cluster under the plans that the operator compiled')
  .addOption(kubeconfigOption)
  .addOption(namespaceOption)
  .addOption(healthPortOption)
  .addOption(logLevelOption)
  .option('--listen-address <address>', 'address of the proxies; "::" takes IPv4 too', '0.0.0.0')
  .option('--cluster-domain <domain>', "domain of the cluster's Services (default: cluster.local)")
  .option(
    '--cluster-dns <address:port>',
    'name server to ask for Services of the cluster instead of those of the machine (repeatable)',
    collect,
    [],
  )
  .action(async (options) => {
    const { gatewayCommand } = await import('./roles/gateway/command.ts');
    process.exitCode = await gatewayCommand(options, process.env);
  });

withPodOptions(withIngressOptions(withEnvoyOptions(program.command('ingress'))))
  .description('run one Envoy of a cluster for people who access workspaces, under the access lists in force')
  .addOption(kubeconfigOption)
  .addOption(namespaceOption)
  .addOption(healthPortOption)
  .addOption(logLevelOption)
  .option('--listen-address <address>', 'address of its listeners', '0.0.0.0')
  .action(async (options) => {
    const { ingressCommand } = await import('./roles/ingress/command.ts');
    process.exitCode = await ingressCommand(options, process.env);
  });

program
  .command('drain')
  .description(
    'tell the gateway or ingress that uses a state directory to take no new clients, and to wait for its connections to end',
  )
  .addOption(stateOption)
  .action(async (options) => {
    const { drainCommand } = await import('./roles/drain/command.ts');
    process.exitCode = await drainCommand(options);
  });

program
  .command('api')
  .description(
    "serve Databricks' REST API over the objects of a cluster, each call with the rights of its token",
  )
  .addOption(kubeconfigOption)
  .addOption(namespaceOption)
  .addOption(
    new Option('--health-port <port>', 'port of /healthz, /readyz and /metrics; 0 takes any').default('8082'),
  )
  .addOption(logLevelOption)
  .option('--pod-name <name>', 'name of its CallerReport (default: POD_NAME, or the name of the host)')
  .addOption(collectorOption)
  .addOption(collectorTokenOption)
  .addOption(stateOption)
  .addOption(spoolOption)
  .option(
    '--port <port>',
    'port of the API: plain HTTP, for an ingress gateway in front; 0 takes any',
    '8090',
  )
  .option('--listen-address <address>', 'address of the API; "::" takes IPv4 too', '0.0.0.0')
  .option('--account-id <id>', 'account id in paths, and of the denial log', 'local')
  .option('--workspace <name>', 'workspace (name or id) of calls whose host and headers name none')
  .option(
    '--trusted-proxy <cidr>',
    'proxies whose X-Forwarded-For names the caller, such as the ingress gateways (repeatable)',
    collect,
    [],
  )
  .action(async (options) => {
    const { apiCommand } = await import('./roles/api/command.ts');
    process.exitCode = await apiCommand(options, process.env);
  });

program
  .command('collector')
  .description('store the denials of all gateways of a cluster, each once')
  .addOption(kubeconfigOption)
  .addOption(namespaceOption)
  .addOption(healthPortOption)
  .addOption(logLevelOption)
  .addOption(stateOption)
  .option('--port <port>', 'port for gateways, HTTPS; 0 takes any', `${COLLECTOR_PORT}`)
  .option('--listen-address <address>', 'address of that port; "::" takes IPv4 too', '0.0.0.0')
  .option('--store <store>', 'where rows are stored: duckdb (in --state), clickhouse or otlp', 'duckdb')
  .option(
    '--clickhouse-url <url>',
    'of its HTTP interface, with the database as path (default path: /access)',
  )
  .option('--clickhouse-credentials <directory>', 'with the files username, password and, for TLS, ca.crt')
  .option('--otlp-url <url>', 'where rows are sent as OTLP logs too, such as "https://host:4318/v1/logs"')
  .option('--otlp-credentials <directory>', 'with the files authorization (value of the header) and ca.crt')
  .option(
    '--certificate <directory>',
    'with the files tls.crt, tls.key and ca.crt, which somebody else renews (default: the collector makes its own, in a Secret)',
  )
  .option('--retention <duration>', 'age at which rows are deleted', '365d')
  .option('--retention-size <size>', 'size at which the oldest rows are deleted; in DuckDB only', '10GB')
  .option(
    '--export <where>',
    'where days that are over are put as Parquet: a directory, or "s3://BUCKET/PREFIX" with the environment of AWS',
  )
  .action(async (options) => {
    const { collectorCommand } = await import('./roles/collector/command.ts');
    process.exitCode = await collectorCommand(options, process.env);
  });

program
  .command('remove')
  .description('delete what the programs of an installation have written; the last step of "helm uninstall"')
  .addOption(kubeconfigOption)
  .addOption(namespaceOption)
  .action(async (options) => {
    const { removeCommand } = await import('./roles/remove/command.ts');
    process.exitCode = await removeCommand(options, process.env);
  });

program
  .command('canary')
  .description(
    'try what the network lets through, and leave the answer; runs in pods that the operator makes',
  )
  .option('--allowed <address:port>', 'what must be reachable (repeatable)', collect, [])
  .option('--denied <address:port>', 'what must not be reachable (repeatable)', collect, [])
  .option('--result <file>', 'file for the answer', '/dev/termination-log')
  .action(async (options) => {
    const { canaryCommand } = await import('./roles/canary/command.ts');
    process.exitCode = await canaryCommand(options);
  });

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
