// Command-line options and environment of `sallyport run`, and of what every gateway has -> validated configuration. With
// cluster-config.ts, inbound-config.ts and main.ts the only reader of either.
import { join, resolve } from 'node:path';
import {
  type AuthorizeConfig,
  type AuthorizeOptions,
  type IngressListenConfig,
  type IngressListenOptions,
  readAuthorize,
  readIngressListen,
} from './inbound-config.ts';
import type { AddressRange } from './model/address-range.ts';
import { DEFAULT_MAX_CONNECTIONS, DENIAL_ROWS_PER_SECOND } from './model/limits.ts';
import {
  readAddress,
  readCount,
  readCountIfGiven,
  readEnvoyMemory,
  readLogBytes,
  readNameServer,
  readPort,
  readPorts,
  readRange,
  readRetention,
  readRetentionSize,
  readSpoolBytes,
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
  /** Of log lines that are not rows yet; beyond it the oldest are given up, and counted. */
  readonly spoolBytes: number;
  /** Worker threads of Envoy; its own default where undefined. */
  readonly concurrency: number | undefined;
  /** Size at which Envoy's access log is rotated; the default of the log tail where undefined. */
  readonly rotateLogBytes: number | undefined;
  /** Whether another container of the pod runs Envoy. */
  readonly isEnvoyExternal: boolean;
  /** Value of PATH, to find Envoy. */
  readonly path: string;
}

/** Configuration of the REST API, in a cluster or not. */
export interface RestConfig {
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

/** Options as commander gives them: text by option name. */
export interface ListenOptions {
  readonly listenAddress: string;
  readonly ports: string;
}

export interface ProxyOptions {
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
  readonly spoolBytes?: string;
  readonly denialRows?: string;
  readonly externalEnvoy?: boolean;
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

/** Far above what programs without a cache ask, and too few to fill a log. */
const DNS_QUESTIONS = '1000';

/** The retention of Databricks' system table. */
const RETENTION = '365d';
const RETENTION_SIZE = '10GB';

/** Throws an OptionError for an option that cannot be accepted. */
export function readProxyConfig(options: ProxyOptions, environment: NodeJS.ProcessEnv): ProxyConfig {
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
    spoolBytes: readSpoolBytes(options.spoolBytes),
    concurrency: readCountIfGiven('--concurrency', options.concurrency),
    rotateLogBytes: options.rotateLogBytes === undefined ? undefined : readLogBytes(options.rotateLogBytes),
    isEnvoyExternal: options.externalEnvoy === true,
    path: environment['PATH'] ?? '',
  };
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readListenConfig({ listenAddress, ports }: ListenOptions): ListenConfig {
  return { listenAddress: readAddress('--listen-address', listenAddress), ports: readPorts(ports) };
}
