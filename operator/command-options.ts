// Options that several commands have.
import { type Command, Option } from 'commander';
import { DENIAL_COLUMNS } from './model/denial-columns.ts';
import { ENTRY_USE_COLUMNS } from './model/entry-use-row.ts';
import { INBOUND_COLUMNS } from './model/inbound-columns.ts';
import { OUTPUT_FORMATS } from './model/output-format.ts';
import {
  DEFAULT_STATE,
  INGRESS_HTTP_PORT,
  INGRESS_HTTPS_PORT,
  SYSTEM_NAMESPACE,
} from './model/system-names.ts';

export const stateOption = new Option(
  '--state <dir>',
  'directory of the denial log, offsets and port blocks',
).default(DEFAULT_STATE);

export const listenOption = new Option('--listen-address <address>', 'address of the proxies').default(
  '127.0.0.1',
);

export const portsOption = new Option(
  '--ports <from-to>',
  'range in which each workspace and product gets a block of 8 ports',
).default('10000-31999');

export const spoolOption = new Option(
  '--spool-bytes <n>',
  'bytes of log lines that may wait for the denial log; beyond it the oldest are given up, and counted (default: 256 MiB)',
);

export const kubeconfigOption = new Option(
  '--kubeconfig <file>',
  'how to reach the API server (default: KUBECONFIG, or the service account of the pod)',
);

export const namespaceOption = new Option(
  '--namespace <name>',
  'Namespace of the gateways and of what the operator compiles for them',
).default(SYSTEM_NAMESPACE);

export const healthPortOption = new Option(
  '--health-port <port>',
  'port of /healthz, /readyz and /metrics; 0 takes any',
).default('8081');

export const logLevelOption = new Option('--log-level <level>', 'least important lines to write')
  .choices(['debug', 'info', 'warn', 'error'])
  .default('info');

/** Of an option that may be given several times. */
export const collect = (value: string, previous: readonly string[]): readonly string[] => [
  ...previous,
  value,
];

/** Options of everything that runs an Envoy. */
export function withEnvoyOptions(command: Command): Command {
  return command
    .addOption(stateOption)
    .option(
      '--max-connections <n>',
      'connections that each listener may have open (default: 4096; each port of ingress as many as descriptors and memory allow)',
    )
    .option(
      '--envoy-memory-mb <n>',
      "memory of Envoy, near which it denies new connections (default: half of the container's, or of the machine's)",
    )
    .option('--concurrency <n>', 'worker threads of Envoy (default: one per core)')
    .option('--rotate-log-bytes <n>', "size at which Envoy's access log is rotated (default: 2 MiB)")
    .addOption(spoolOption)
    .option(
      '--denial-rows <n>',
      'rows per second of one workspace and product, beyond which one stands for several denials (default: 100)',
    )
    .option('--account-id <id>', 'account_id of the denial log', 'local');
}

export const collectorOption = new Option(
  '--collector <url>',
  'send denials to this collector (default: write each as a JSON line on standard output)',
);

export const collectorTokenOption = new Option(
  '--collector-token <file>',
  "token of this pod for the collector's audience (default: /var/run/secrets/sallyport-collector/token)",
);

/** Options of everything that runs beside an Envoy in a pod. */
export function withPodOptions(command: Command): Command {
  return command
    .option('--external-envoy', 'another container of the pod runs Envoy; never start or end one')
    .option(
      '--drain-seconds <n>',
      'how long connections may take to end once "sallyport drain" has been called',
      '300',
    )
    .addOption(collectorOption)
    .addOption(collectorTokenOption)
    .option('--pod-name <name>', 'name of this gateway (default: POD_NAME, or the name of the host)');
}

/** Options of every gateway for egress, in a cluster or not. */
export function withProxyOptions(command: Command): Command {
  return withEnvoyOptions(command)
    .option(
      '--resolver <address:port>',
      'name server to ask instead of those of the machine (repeatable)',
      collect,
      [],
    )
    .option(
      '--open-range <cidr>',
      'private range that destinations may resolve to, for tests (repeatable)',
      collect,
      [],
    )
    .option(
      '--deny-range <cidr>',
      'public range that no destination may resolve to: nodes, API server, pods (repeatable)',
      collect,
      [],
    )
    .option('--dns-questions <n>', 'questions per second that one client may ask the DNS (default: 1000)');
}

/** Options of everything that people access workspaces through. */
export function withIngressOptions(command: Command): Command {
  return command
    .option(
      '--ingress-http-port <port>',
      'port for the hosts of workspaces, plain HTTP',
      `${INGRESS_HTTP_PORT}`,
    )
    .option('--ingress-https-port <port>', 'port for the hosts of workspaces, TLS', `${INGRESS_HTTPS_PORT}`)
    .option(
      '--trusted-hops <n>',
      'proxies in front of it, whose X-Forwarded-For names the client (default: none)',
    )
    .option(
      '--trusted-proxy <cidr>',
      'the same for certain proxies only, by address (repeatable)',
      collect,
      [],
    )
    .option(
      '--proxy-protocol-from <cidr>',
      'peers that may connect, with a PROXY header that names the client (repeatable; default: all, without one)',
      collect,
      [],
    )
    .option(
      '--authorize-port <port>',
      'answer at /authorize whether access lists allow a client (default: do not)',
    )
    .option(
      '--authorize-trusted-proxy <cidr>',
      'proxies that may ask that (repeatable; default: those of this machine)',
      collect,
      [],
    );
}

/** Options of what people ask a cluster, as kubectl has them. */
export function withPersonOptions(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'how to reach the API server (default: KUBECONFIG, or ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig (default: the current one)')
    .option('--as <user>', 'another user to impersonate, where that is possible')
    .option('--system-namespace <name>', `Namespace of Sallyport itself (default: ${SYSTEM_NAMESPACE})`);
}

function columnHelp(table: string, columns: readonly { readonly name: string; readonly meaning: string }[]) {
  const lines = columns.map(({ name, meaning }) => `  ${name.padEnd(20)} ${meaning}`);
  return `\nColumns of system.access.${table}:\n${lines.join('\n')}`;
}

/** Checked where it is used, with a sentence of its own; the choices are for help and completion. */
function outputOption(): Option {
  const option = new Option(
    '-o, --output <format>',
    'how to write it; json is one object per line (default: table)',
  );
  option.argChoices = [...OUTPUT_FORMATS];
  return option;
}

/** Options of `denials`, in both programs. */
export function withDenialsOptions(command: Command): Command {
  return withPersonOptions(command)
    .description('show denials, newest first, or run an SQL query')
    .option('--since <duration>', 'only the last 90s, 30m, 2h or 7d')
    .option('--until <duration>', 'only what is older than that')
    .option(
      '-n, --namespace <name>',
      'only the workspace that is this Namespace (default: all that you may read)',
    )
    .option('--workspace <name>', 'only this workspace (name or id)')
    .option('--pod <name>', 'only this pod')
    .option('--policy <name>', 'only what this policy decided')
    .option(
      '--product <name>',
      'only of this product, such as JOBS; or of this network_source_type, such as "General Compute"',
    )
    .option('--dry-run', 'only what was recorded and not denied')
    .option('--failures', 'connections that were allowed and failed: the log does not have them yet')
    .option(
      '--inbound',
      'requests from outside that access lists denied, instead of connections of workloads',
    )
    .option('--follow', 'show what is stored from now on, oldest first, until you end it')
    .option('--top [n]', 'denials over time, and what was denied most often (default: 10, of the last 24h)')
    .option('--limit <n>', 'most rows; 0: all (default: 1000)')
    .option('--sql <query>', 'one SELECT over system.access.outbound_network, inbound_network or entry_uses')
    .addOption(outputOption())
    .option('--json', 'the same as -o json')
    .option('--backup', 'the whole log of a collector, as a database file to standard output')
    .addHelpText('after', () => columnHelp('outbound_network', DENIAL_COLUMNS))
    .addHelpText('after', () => columnHelp('inbound_network', INBOUND_COLUMNS))
    .addHelpText('after', () => columnHelp('entry_uses', ENTRY_USE_COLUMNS));
}

/**
 * The arguments to parse. Help for a command that is none would be the general one, with status 0: without --help the
 * answer is that there is no such command.
 */
export function argumentsFor(program: Command, argv: readonly string[]): readonly string[] {
  const [name = '-'] = argv.slice(2);
  const isKnown =
    name.startsWith('-') || name === 'help' || program.commands.some((one) => one.name() === name);
  return isKnown ? argv : argv.filter((one) => one !== '--help' && one !== '-h');
}

/** Options of `suggest`, in both programs. */
export function withSuggestOptions(command: Command): Command {
  return command
    .option('--since <duration>', 'look at the last 90s, 30m, 24h or 7d', '24h')
    .addOption(
      new Option('-o, --output <format>', 'table, the policies as YAML, or patches for kubectl')
        .choices(['table', 'yaml', 'patch'])
        .default('table'),
    )
    .option('--min-count <n>', 'suggest only destinations that were asked for so often', '1')
    .addOption(
      new Option(
        '--include <what>',
        'denied: add entries for what an enforced policy denied, too (default: only for what dry-run recorded)',
      ).choices(['denied']),
    )
    .option(
      '--wildcards <zones>',
      'of several names directly below such a zone (data.example.com,...) make a wildcard, which allows all its names',
    );
}

/** Options of `restarts`. */
export function withRestartsOptions(command: Command): Command {
  return command
    .description('show what must restart before the policy of its workspace applies to it, and how')
    .option('-n, --namespace <name>', 'Namespace that is the workspace (default: that of the context)')
    .option('-A, --all-namespaces', 'all workspaces')
    .addOption(
      new Option('-o, --output <format>', 'table with the commands below it, or a document')
        .choices(['table', 'json', 'yaml'])
        .default('table'),
    );
}

/** Options of `restart`. */
export function withRestartOptions(command: Command): Command {
  return (
    command
      .description('restart what runs otherwise than the policy of its workspace says now, and nothing else')
      .argument('[workload]', 'as kubectl writes it, such as deployment/etl; or its name alone')
      // "deployment etl" is answered with what to write.
      .allowExcessArguments()
      .option('-n, --namespace <name>', 'Namespace that is the workspace (default: that of the context)')
      .option('--all', 'everything that has to restart, one after the other')
      .option('--dry-run', 'show the requests, and whether the API server would accept them; change nothing')
      .option('--yes', 'do not ask')
      .option('--timeout <duration>', 'how long to wait for each workload (default: 10m)')
  );
}
