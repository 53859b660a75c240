// Command-line options and environment of the roles in a cluster -> validated configuration.
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { type CanaryPodsConfig, type CanaryPodsOptions, readCanaryPods } from './canary-config.ts';
import {
  type CollectorClientConfig,
  type CollectorClientOptions,
  type RowStoreConfig,
  type RowStoreOptions,
  readCollectorClient,
  readRowStore,
} from './collector-config.ts';
import { type ProxyConfig, type ProxyOptions, type RestConfig, readProxyConfig } from './config.ts';
import {
  type AuthorizeConfig,
  type AuthorizeOptions,
  type IngressListenConfig,
  type IngressListenOptions,
  readAuthorize,
  readIngressListen,
} from './inbound-config.ts';
import type { ApiServerEgress } from './model/api-server-egress.ts';
import { USUAL_CLUSTER_DOMAIN } from './model/stamp.ts';
import {
  readAddress,
  readCount,
  readNameServer,
  readPort,
  readRange,
  readRetention,
  readRetentionSize,
  readSpoolBytes,
} from './option-values.ts';

/** Configuration of every role in a cluster. */
interface ClusterConfig {
  /** Undefined: the service account of the pod that this runs in. */
  readonly kubeconfig: string | undefined;
  /** Address of the API server in a pod; undefined elsewhere. */
  readonly podServer: string | undefined;
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
  /** How gateways may reach the API server. */
  readonly apiServerEgress: ApiServerEgress;
  /** Undefined: whether the network enforces policies is not measured. */
  readonly canaries: CanaryPodsConfig | undefined;
}

/** Configuration of `sallyport remove`. */
export type RemoveConfig = Pick<ClusterConfig, 'kubeconfig' | 'podServer' | 'systemNamespace'>;

export interface RemoveOptions {
  readonly kubeconfig?: string;
  readonly namespace: string;
}

export function readRemoveConfig(options: RemoveOptions, environment: NodeJS.ProcessEnv): RemoveConfig {
  return {
    kubeconfig: options.kubeconfig ?? environment['KUBECONFIG'],
    podServer: podServer(environment),
    systemNamespace: options.namespace,
  };
}

interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly healthPort: string;
  readonly logLevel: string;
}

export interface OperatorOptions extends ClusterOptions, CanaryPodsOptions {
  readonly identity?: string;
  readonly clusterDomain: string;
  readonly clusterDns: readonly string[];
  readonly apiServerEgress?: ApiServerEgress;
}

/** Of a gateway that others replace. */
interface DrainConfig {
  /** How long its connections may take to end. */
  readonly drainMs: number;
}

export interface GatewayConfig extends ClusterConfig, ProxyConfig, DrainConfig {
  /** Undefined: rows are lines on the output. */
  readonly collector: CollectorClientConfig | undefined;
  /** Name of this gateway: in its report, and in the ids of denials. */
  readonly podName: string;
  readonly clusterDomain: string;
  /** Whom to ask for Services of the cluster; empty: the name servers of the machine. */
  readonly clusterDns: readonly { readonly address: string; readonly port: number }[];
}

export interface GatewayOptions extends ClusterOptions, ProxyOptions, CollectorClientOptions {
  readonly podName?: string;
  readonly drainSeconds: string;
  readonly clusterDomain?: string;
  readonly clusterDns?: readonly string[];
}

/** Configuration of `sallyport ingress`. */
export interface IngressGatewayConfig
  extends ClusterConfig,
    DrainConfig,
    Omit<ProxyConfig, 'resolvers' | 'openRanges' | 'denyRanges' | 'dnsQuestionsPerSecond'> {
  readonly ingress: IngressListenConfig;
  /** Undefined: rows are lines on the output. */
  readonly collector: CollectorClientConfig | undefined;
  /** Undefined: proxies of others cannot ask. */
  readonly authorize: AuthorizeConfig | undefined;
  /** Name of this gateway: in its report, and in the ids of denials. */
  readonly podName: string;
}

export interface IngressGatewayOptions
  extends ClusterOptions,
    Omit<ProxyOptions, 'resolver' | 'openRange' | 'denyRange' | 'dnsQuestions'>,
    IngressListenOptions,
    AuthorizeOptions,
    CollectorClientOptions {
  readonly podName?: string;
  readonly drainSeconds: string;
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
    collector: readCollectorClient(options),
    drainMs: readDrain(options.drainSeconds),
    podName: options.podName ?? environment['POD_NAME'] ?? hostname(),
  };
}

/** Configuration of `sallyport collector`. */
export interface CollectorConfig extends ClusterConfig, RowStoreConfig {
  readonly port: number;
  readonly listenAddress: string;
  readonly stateDirectory: string;
  /** Directory of a certificate that somebody else makes; undefined: the collector makes its own. */
  readonly certificate: string | undefined;
  readonly retentionMs: number;
  readonly retentionBytes: number;
}

export interface CollectorOptions extends ClusterOptions, RowStoreOptions {
  readonly port: string;
  readonly listenAddress: string;
  readonly state: string;
  readonly certificate?: string;
  readonly retention: string;
  readonly retentionSize: string;
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readCollectorConfig(
  options: CollectorOptions,
  environment: NodeJS.ProcessEnv,
): CollectorConfig {
  return {
    ...readClusterConfig(options, environment),
    port: readPort('--port', options.port),
    listenAddress: readAddress('--listen-address', options.listenAddress),
    ...readRowStore(options, environment),
    stateDirectory: resolve(options.state),
    certificate: options.certificate,
    retentionMs: readRetention(options.retention),
    retentionBytes: readRetentionSize(options.retentionSize),
  };
}

export interface ApiConfig extends ClusterConfig, RestConfig {
  /** Undefined: rows are lines on the output. */
  readonly collector: CollectorClientConfig | undefined;
  /** Of rows that wait for the collector. */
  readonly stateDirectory: string;
  readonly spoolBytes: number;
  readonly podName: string;
  readonly listenAddress: string;
  readonly accountId: string;
}

export interface ApiOptions extends ClusterOptions, CollectorClientOptions {
  readonly state: string;
  readonly spoolBytes?: string;
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
    collector: readCollectorClient(options),
    stateDirectory: resolve(options.state),
    spoolBytes: readSpoolBytes(options.spoolBytes),
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
    drainMs: readDrain(options.drainSeconds),
    podName: options.podName ?? environment['POD_NAME'] ?? hostname(),
    collector: readCollectorClient(options),
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
    apiServerEgress: options.apiServerEgress ?? 'ipBlock',
    canaries: readCanaryPods(options, environment),
  };
}

function readDrain(text: string): number {
  return readCount('--drain-seconds', text) * 1000;
}

function readClusterConfig(options: ClusterOptions, environment: NodeJS.ProcessEnv): ClusterConfig {
  return {
    kubeconfig: options.kubeconfig ?? environment['KUBECONFIG'],
    podServer: podServer(environment),
    systemNamespace: options.namespace,
    healthPort: readPort('--health-port', options.healthPort),
    logLevel: options.logLevel,
  };
}

/** As the kubelet says it to every container. */
function podServer({
  KUBERNETES_SERVICE_HOST: host,
  KUBERNETES_SERVICE_PORT: port,
}: NodeJS.ProcessEnv): string | undefined {
  if (host === undefined || port === undefined) return undefined;
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
