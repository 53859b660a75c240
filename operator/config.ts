// Command-line options and environment -> validated configuration. With main.ts the only reader of either.
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { AddressRange } from './model/address-range.ts';
import { DEFAULT_MAX_CONNECTIONS, DENIAL_ROWS_PER_SECOND } from './model/limits.ts';
import { USUAL_CLUSTER_DOMAIN } from './model/stamp.ts';
import {
  OptionError,
  readAddress,
  readCount,
  readCountIfGiven,
  readEnvoyMemory,
  readListenPort,
  readLogBytes,
  readNameServer,
  readPort,
  readPorts,
  readRange,
  readRetention,
  readRetentionSize,
} from './option-values.ts';

/** Addresses and ports of the proxies. */
export interface ListenConfig {
  readonly listenAddress: string;
  readonly ports: { readonly from: number; readonly to: number };
}

/** Configuration of every gateway, in a cluster or not; paths are absolute. */
export interface ProxyConfig {
  readonly stateDirectory: string;
  readonly listenAddress: string;
  /** Empty: the name servers of the machine. */
  readonly resolvers: readonly { readonly address: string; readonly port: number }[];
  readonly openRanges: readonly AddressRange[];
  readonly denyRanges: readonly AddressRange[];
  readonly maxConnections: number;
  /** Of Envoy; a share of the available memory where undefined. */
  readonly envoyMemoryMb: number | undefined;
  /** DNS questions per second that one client may ask. */
  readonly dnsQuestionsPerSecond: number;
  readonly accountId: string;
  /** Of one lane in the denial log, before one row stands for several denials. */
  readonly denialRowsPerSecond: number;
  /** Worker threads of Envoy; its own default where undefined. */
  readonly concurrency: number | undefined;
  /** Size at which Envoy's access log is rotated; the default of the log tail where undefined. */
  readonly rotateLogBytes: number | undefined;
  /** Value of PATH, to find Envoy. */
  readonly path: string;
}

/** Configuration of the REST API, in a cluster or not. */
interface RestConfig {
  readonly port: number;
  /** Name or id of the workspace of requests that name none. */
  readonly defaultWorkspace: string | undefined;
  /** Proxies whose X-Forwarded-For says who calls. */
  readonly trustedProxies: readonly AddressRange[];
}

/** Configuration of the REST API of `sallyport run`. */
export interface FolderApiConfig extends RestConfig {
  /** Whether somebody chose the port: then it must be free. */
  readonly isChosen: boolean;
  readonly tokens: string;
}

/** How people access workspaces through an ingress gateway. */
export interface IngressListenConfig {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly trustedProxies:
    | { readonly kind: 'none' }
    | { readonly kind: 'hops'; readonly hops: number }
    | { readonly kind: 'ranges'; readonly ranges: readonly AddressRange[] };
  /** Empty: no PROXY headers. */
  readonly proxyProtocolFrom: readonly AddressRange[];
  /** Of each port; undefined: as many as descriptors and memory allow. */
  readonly maxConnections: number | undefined;
}

/** Configuration of `sallyport run`. */
export interface RunConfig extends ListenConfig, ProxyConfig {
  readonly ingress: IngressListenConfig;
  readonly folder: string;
  /** Undefined: no REST API. */
  readonly api: FolderApiConfig | undefined;
  /** How long the denial log keeps a row. */
  readonly retentionMs: number;
  /** Size of the denial log beyond which its oldest rows are deleted. */
  readonly retentionBytes: number;
  /** Undefined: proxies of others cannot ask. */
  readonly authorize: AuthorizeConfig | undefined;
}

export interface AuthorizeConfig {
  readonly port: number;
  /** Proxies that may ask, and whose word about the client counts. */
  readonly trustedProxies: readonly AddressRange[];
}

/** Options as commander gives them: text by option name. */
export interface ListenOptions {
  readonly listenAddress: string;
  readonly ports: string;
}

interface ProxyOptions {
  readonly state: string;
  readonly listenAddress: string;
  readonly resolver: readonly string[];
  readonly openRange: readonly string[];
  readonly denyRange: readonly string[];
  readonly maxConnections?: string;
  readonly envoyMemoryMb?: string;
  readonly dnsQuestions?: string;
  readonly accountId: string;
  readonly concurrency?: string;
  readonly rotateLogBytes?: string;
  readonly denialRows?: string;
}

interface IngressListenOptions {
  readonly ingressHttpPort?: string;
  readonly ingressHttpsPort?: string;
  readonly trustedHops?: string;
  readonly trustedProxy?: readonly string[];
  readonly proxyProtocolFrom?: readonly string[];
  readonly maxConnections?: string;
}

interface AuthorizeOptions {
  readonly authorizePort?: string;
  readonly authorizeTrustedProxy?: readonly string[];
}

export interface RunOptions extends ListenOptions, ProxyOptions, IngressListenOptions, AuthorizeOptions {
  readonly retention?: string;
  readonly retentionSize?: string;
  readonly apiPort?: string;
  readonly apiTokens?: string;
  readonly apiWorkspace?: string;
  readonly apiTrustedProxy?: readonly string[];
}

export function readRunConfig(
  folder: string,
  options: RunOptions,
  environment: NodeJS.ProcessEnv,
): RunConfig {
  return {
    folder: resolve(folder),
    ...readListenConfig(options),
    ...readProxyConfig(options, environment),
    ingress: readIngressListen(options),
    retentionMs: readRetention(options.retention ?? RETENTION),
    retentionBytes: readRetentionSize(options.retentionSize ?? RETENTION_SIZE),
    api: readFolderApi(options),
    authorize: readAuthorize(options),
  };
}

/** The usual port; 0 is no API. */
const API_PORT = '8090';

function readFolderApi(options: RunOptions): FolderApiConfig | undefined {
  const port = readPort('--api-port', options.apiPort ?? API_PORT);
  if (port === 0) return undefined;
  return {
    port,
    isChosen: options.apiPort !== undefined,
    tokens: resolve(options.apiTokens ?? join(options.state, 'api-tokens.yaml')),
    defaultWorkspace: options.apiWorkspace,
    trustedProxies: (options.apiTrustedProxy ?? []).map((text) => readRange('--api-trusted-proxy', text)),
  };
}

/** Proxies on this machine. */
const LOCAL_PROXIES = ['127.0.0.0/8', '::1'];

function readAuthorize({
  authorizePort,
  authorizeTrustedProxy = [],
}: AuthorizeOptions): AuthorizeConfig | undefined {
  if (authorizePort === undefined) {
    if (authorizeTrustedProxy.length === 0) return undefined;
    throw new OptionError('--authorize-trusted-proxy: it has an effect only with --authorize-port');
  }
  const ranges = authorizeTrustedProxy.length === 0 ? LOCAL_PROXIES : authorizeTrustedProxy;
  return {
    port: readPort('--authorize-port', authorizePort),
    trustedProxies: ranges.map((text) => readRange('--authorize-trusted-proxy', text)),
  };
}

const HTTP_PORT = '8080';
const HTTPS_PORT = '8443';

function readIngressListen(options: IngressListenOptions): IngressListenConfig {
  const { ingressHttpPort = HTTP_PORT, ingressHttpsPort = HTTPS_PORT, proxyProtocolFrom = [] } = options;
  const httpPort = readListenPort('--ingress-http-port', ingressHttpPort);
  const httpsPort = readListenPort('--ingress-https-port', ingressHttpsPort);
  if (httpPort === httpsPort) {
    throw new OptionError(
      `--ingress-https-port: Cannot accept "${ingressHttpsPort}": --ingress-http-port has it; choose another`,
    );
  }
  return {
    httpPort,
    httpsPort,
    trustedProxies: readTrustedProxies(options),
    proxyProtocolFrom: proxyProtocolFrom.map((text) => readRange('--proxy-protocol-from', text)),
    maxConnections: readCountIfGiven('--max-connections', options.maxConnections),
  };
}

function readTrustedProxies({
  trustedHops,
  trustedProxy = [],
}: IngressListenOptions): IngressListenConfig['trustedProxies'] {
  if (trustedHops === undefined && trustedProxy.length === 0) return { kind: 'none' };
  if (trustedHops === undefined) {
    return { kind: 'ranges', ranges: trustedProxy.map((text) => readRange('--trusted-proxy', text)) };
  }
  if (trustedProxy.length > 0) {
    throw new OptionError('--trusted-hops: Cannot be combined with --trusted-proxy: use one of them');
  }
  if (/^[1-9]$/.test(trustedHops)) return { kind: 'hops', hops: Number(trustedHops) };
  throw new OptionError(
    `--trusted-hops: Cannot accept "${trustedHops}": write how many proxies are in front, from 1 to 9`,
  );
}

/** Far above what programs without a cache ask, and too few to fill a log. */
const DNS_QUESTIONS = '1000';

/** The retention of Databricks' system table. */
const RETENTION = '365d';
const RETENTION_SIZE = '10GB';

function readProxyConfig(options: ProxyOptions, environment: NodeJS.ProcessEnv): ProxyConfig {
  return {
    stateDirectory: resolve(options.state),
    listenAddress: readAddress('--listen-address', options.listenAddress),
    resolvers: options.resolver.map((text) => readNameServer('--resolver', text)),
    openRanges: options.openRange.map((text) => readRange('--open-range', text)),
    denyRanges: options.denyRange.map((text) => readRange('--deny-range', text)),
    maxConnections: readCount('--max-connections', options.maxConnections ?? String(DEFAULT_MAX_CONNECTIONS)),
    envoyMemoryMb: options.envoyMemoryMb === undefined ? undefined : readEnvoyMemory(options.envoyMemoryMb),
    dnsQuestionsPerSecond: readCount('--dns-questions', options.dnsQuestions ?? DNS_QUESTIONS),
    accountId: options.accountId,
    denialRowsPerSecond: readCount('--denial-rows', options.denialRows ?? String(DENIAL_ROWS_PER_SECOND)),
    concurrency: readCountIfGiven('--concurrency', options.concurrency),
    rotateLogBytes: options.rotateLogBytes === undefined ? undefined : readLogBytes(options.rotateLogBytes),
    path: environment['PATH'] ?? '',
  };
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readListenConfig({ listenAddress, ports }: ListenOptions): ListenConfig {
  return { listenAddress: readAddress('--listen-address', listenAddress), ports: readPorts(ports) };
}

/** Configuration of every role in a cluster. */
interface ClusterConfig {
  /** Undefined: the service account of the pod that this runs in. */
  readonly kubeconfig: string | undefined;
  readonly systemNamespace: string;
  /** Of /healthz, /readyz and /metrics; 0 for any. */
  readonly healthPort: number;
  readonly logLevel: string;
}

export interface OperatorConfig extends ClusterConfig {
  /** Name of this replica, in the lease and in Events. */
  readonly identity: string;
  readonly clusterDomain: string;
  /** Empty: pods in dry-run get no second name server. */
  readonly clusterDns: readonly string[];
}

interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly healthPort: string;
  readonly logLevel: string;
}

export interface OperatorOptions extends ClusterOptions {
  readonly identity?: string;
  readonly clusterDomain: string;
  readonly clusterDns: readonly string[];
}

export interface GatewayConfig extends ClusterConfig, ProxyConfig {
  /** Name of this gateway: in its report, and in the ids of denials. */
  readonly podName: string;
  readonly clusterDomain: string;
  /** Whom to ask for Services of the cluster; empty: the name servers of the machine. */
  readonly clusterDns: readonly { readonly address: string; readonly port: number }[];
}

export interface GatewayOptions extends ClusterOptions, ProxyOptions {
  readonly podName?: string;
  readonly clusterDomain?: string;
  readonly clusterDns?: readonly string[];
}

/** Configuration of `sallyport ingress`. */
export interface IngressGatewayConfig
  extends ClusterConfig,
    Omit<ProxyConfig, 'resolvers' | 'openRanges' | 'denyRanges' | 'dnsQuestionsPerSecond'> {
  readonly ingress: IngressListenConfig;
  /** Undefined: proxies of others cannot ask. */
  readonly authorize: AuthorizeConfig | undefined;
  /** Name of this gateway: in its report, and in the ids of denials. */
  readonly podName: string;
}

export interface IngressGatewayOptions
  extends ClusterOptions,
    Omit<ProxyOptions, 'resolver' | 'openRange' | 'denyRange' | 'dnsQuestions'>,
    IngressListenOptions,
    AuthorizeOptions {
  readonly podName?: string;
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readIngressConfig(
  options: IngressGatewayOptions,
  environment: NodeJS.ProcessEnv,
): IngressGatewayConfig {
  const noDestinations = { resolver: [], openRange: [], denyRange: [] };
  return {
    ...readClusterConfig(options, environment),
    ...readProxyConfig({ ...options, ...noDestinations }, environment),
    ingress: readIngressListen(options),
    authorize: readAuthorize(options),
    podName: options.podName ?? environment['POD_NAME'] ?? hostname(),
  };
}

export interface ApiConfig extends ClusterConfig, RestConfig {
  readonly podName: string;
  readonly listenAddress: string;
  readonly accountId: string;
}

export interface ApiOptions extends ClusterOptions {
  readonly port: string;
  readonly listenAddress: string;
  readonly accountId: string;
  readonly workspace?: string;
  readonly trustedProxy: readonly string[];
  readonly podName?: string;
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readApiConfig(options: ApiOptions, environment: NodeJS.ProcessEnv): ApiConfig {
  return {
    ...readClusterConfig(options, environment),
    port: readPort('--port', options.port),
    listenAddress: readAddress('--listen-address', options.listenAddress),
    accountId: options.accountId,
    defaultWorkspace: options.workspace,
    trustedProxies: options.trustedProxy.map((text) => readRange('--trusted-proxy', text)),
    podName: options.podName ?? environment['POD_NAME'] ?? hostname(),
  };
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readGatewayConfig(options: GatewayOptions, environment: NodeJS.ProcessEnv): GatewayConfig {
  return {
    ...readClusterConfig(options, environment),
    ...readProxyConfig(options, environment),
    podName: options.podName ?? environment['POD_NAME'] ?? hostname(),
    clusterDomain: options.clusterDomain ?? USUAL_CLUSTER_DOMAIN,
    clusterDns: (options.clusterDns ?? []).map((text) => readNameServer('--cluster-dns', text)),
  };
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readOperatorConfig(options: OperatorOptions, environment: NodeJS.ProcessEnv): OperatorConfig {
  return {
    ...readClusterConfig(options, environment),
    identity: options.identity ?? environment['POD_NAME'] ?? hostname(),
    clusterDomain: options.clusterDomain,
    clusterDns: options.clusterDns.map((text) => readAddress('--cluster-dns', text)),
  };
}

function readClusterConfig(options: ClusterOptions, environment: NodeJS.ProcessEnv): ClusterConfig {
  return {
    kubeconfig: options.kubeconfig ?? environment['KUBECONFIG'],
    systemNamespace: options.namespace,
    healthPort: readPort('--health-port', options.healthPort),
    logLevel: options.logLevel,
  };
}
