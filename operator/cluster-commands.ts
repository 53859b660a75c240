// Commands that run in the pods of a cluster.
import { type Command, Option } from 'commander';
import {
  collect,
  collectorOption,
  collectorTokenOption,
  healthPortOption,
  kubeconfigOption,
  logLevelOption,
  namespaceOption,
  spoolOption,
  stateOption,
  withEnvoyOptions,
  withIngressOptions,
  withPodOptions,
  withProxyOptions,
} from './command-options.ts';
import { API_SERVER_EGRESS, type ApiServerEgress } from './model/api-server-egress.ts';
import { COLLECTOR_PORT } from './model/system-names.ts';

/** In the order in which `--help` shows them. */
export function addClusterCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  addOperator(program, environment);
  addGateway(program, environment);
  addIngress(program, environment);
  addDrain(program);
  addApi(program, environment);
  addCollector(program, environment);
  addRemove(program, environment);
  addCanary(program);
}

function addOperator(program: Command, environment: NodeJS.ProcessEnv): void {
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
      process.exitCode = await operatorCommand(options, environment);
    });
}

function addGateway(program: Command, environment: NodeJS.ProcessEnv): void {
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
      process.exitCode = await gatewayCommand(options, environment);
    });
}

function addIngress(program: Command, environment: NodeJS.ProcessEnv): void {
  withPodOptions(withIngressOptions(withEnvoyOptions(program.command('ingress'))))
    .description(
      'run one Envoy of a cluster for people who access workspaces, under the access lists in force',
    )
    .addOption(kubeconfigOption)
    .addOption(namespaceOption)
    .addOption(healthPortOption)
    .addOption(logLevelOption)
    .option('--listen-address <address>', 'address of its listeners', '0.0.0.0')
    .action(async (options) => {
      const { ingressCommand } = await import('./roles/ingress/command.ts');
      process.exitCode = await ingressCommand(options, environment);
    });
}

function addDrain(program: Command): void {
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
}

function addApi(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('api')
    .description(
      "serve Databricks' REST API over the objects of a cluster, each call with the rights of its token",
    )
    .addOption(kubeconfigOption)
    .addOption(namespaceOption)
    .addOption(
      new Option('--health-port <port>', 'port of /healthz, /readyz and /metrics; 0 takes any').default(
        '8082',
      ),
    )
    .addOption(logLevelOption)
    .option(
      '--pod-name <name>',
      'name of its reports, and of its rows (default: POD_NAME, or the name of the host)',
    )
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
      process.exitCode = await apiCommand(options, environment);
    });
}

function addCollector(program: Command, environment: NodeJS.ProcessEnv): void {
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
      process.exitCode = await collectorCommand(options, environment);
    });
}

function addRemove(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('remove')
    .description(
      'delete what the programs of an installation have written; the last step of "helm uninstall"',
    )
    .addOption(kubeconfigOption)
    .addOption(namespaceOption)
    .action(async (options) => {
      const { removeCommand } = await import('./roles/remove/command.ts');
      process.exitCode = await removeCommand(options, environment);
    });
}

function addCanary(program: Command): void {
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
}
