// Options of what has to do with the collector of denials -> validated configuration.
import { resolve } from 'node:path';
import { OptionError } from './option-values.ts';

/** Of a gateway that sends its rows to the collector. */
export interface CollectorClientConfig {
  readonly url: URL;
  /** File with the token of the pod for the collector's audience. */
  readonly tokenFile: string;
}

export interface CollectorClientOptions {
  readonly collector?: string;
  readonly collectorToken?: string;
}

const TOKEN_FILE = '/var/run/secrets/sallyport-collector/token';

/** Undefined: rows are lines on the output. */
export function readCollectorClient(options: CollectorClientOptions): CollectorClientConfig | undefined {
  const { collector: text, collectorToken: tokenFile = TOKEN_FILE } = options;
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && url.username === '' && url.search === '')
    return { url, tokenFile };
  throw new OptionError(
    `--collector: Cannot accept "${text}": write an address such as "https://sallyport-collector.sallyport-system.svc:8444"`,
  );
}

/** Where a collector puts rows. */
export interface RowStoreConfig {
  readonly store: 'duckdb' | 'otlp' | { readonly clickhouse: RemoteConfig };
  /** Rows are sent there too, or only there. */
  readonly otlp: RemoteConfig | undefined;
  /** Where days that are over are put as Parquet. */
  readonly exportTo: ExportConfig | undefined;
}

export type ExportConfig = { readonly directory: string } | { readonly bucket: BucketConfig };

interface BucketConfig {
  readonly bucket: string;
  /** Without slashes around it. */
  readonly prefix: string;
  /** Undefined: that of AWS. */
  readonly endpoint: string | undefined;
}

export interface RemoteConfig {
  readonly url: URL;
  /** Directory of a Secret, with what that server needs; undefined: none. */
  readonly credentials: string | undefined;
}

export interface RowStoreOptions {
  readonly store: string;
  readonly clickhouseUrl?: string;
  readonly clickhouseCredentials?: string;
  readonly otlpUrl?: string;
  readonly otlpCredentials?: string;
  readonly export?: string;
}

/** Throws an OptionError for an option that cannot be accepted, is missing, or has no effect. */
export function readRowStore(options: RowStoreOptions, environment: NodeJS.ProcessEnv): RowStoreConfig {
  const exportTo = readExport(options.export, environment);
  if (exportTo !== undefined && options.store !== 'duckdb')
    throw new OptionError(
      `--export has no effect with "--store ${options.store}": use it with "--store duckdb", or export from there`,
    );
  const { store, clickhouseUrl, clickhouseCredentials, otlpUrl, otlpCredentials } = options;
  const clickhouse = readRemote('clickhouse', clickhouseUrl, clickhouseCredentials);
  const otlp = readRemote('otlp', otlpUrl, otlpCredentials);
  if (store === 'clickhouse') return { store: { clickhouse: needed(clickhouse, store) }, otlp, exportTo };
  if (clickhouse !== undefined)
    throw new OptionError('--clickhouse-url has no effect: use it with "--store clickhouse"');
  if (store === 'otlp') return { store, otlp: needed(otlp, store), exportTo };
  if (store === 'duckdb') return { store, otlp, exportTo };
  throw new OptionError(`--store: Cannot accept "${store}": use duckdb, clickhouse or otlp`);
}

const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9!_.*'()=/-]*))?$/;

function readExport(text: string | undefined, environment: NodeJS.ProcessEnv): ExportConfig | undefined {
  if (text === undefined) return undefined;
  const [, bucket, path = ''] = BUCKET.exec(text) ?? [];
  if (bucket === undefined) {
    // "s3:/denials" would be a directory of that name.
    if (text !== '' && !/^(?:[a-z0-9+.-]+:\/\/|s3:)/i.test(text)) return { directory: resolve(text) };
    throw new OptionError(
      `--export: Cannot accept "${text}": write a directory, or a bucket such as "s3://denials/cluster-1"`,
    );
  }
  const prefix = path.split('/').filter((part) => part !== '');
  const endpoint = environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'];
  return { bucket: { bucket, prefix: prefix.join('/'), endpoint } };
}

function needed(remote: RemoteConfig | undefined, kind: RemoteKind): RemoteConfig {
  if (remote !== undefined) return remote;
  throw new OptionError(`--store ${kind} needs --${kind}-url: write an address such as "${EXAMPLES[kind]}"`);
}

const EXAMPLES = {
  clickhouse: 'https://clickhouse.example:8443/access',
  otlp: 'https://otel-collector.example:4318/v1/logs',
} as const;

type RemoteKind = keyof typeof EXAMPLES;

/** Of ClickHouse the path is a database. */
const PATHS: Readonly<Record<RemoteKind, RegExp>> = {
  clickhouse: /^\/[A-Za-z_][A-Za-z0-9_]*$|^\/$/,
  otlp: /^\/./,
};

function readRemote(
  kind: RemoteKind,
  text: string | undefined,
  credentials: string | undefined,
): RemoteConfig | undefined {
  if (text === undefined && credentials !== undefined)
    throw new OptionError(`--${kind}-credentials has no effect without --${kind}-url`);
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && isPlainHttp(url) && PATHS[kind].test(url.pathname)) return { url, credentials };
  throw new OptionError(
    `--${kind}-url: Cannot accept "${url?.username ? 'an address with a user' : text}": write one such as "${EXAMPLES[kind]}"; a user and a password belong in --${kind}-credentials`,
  );
}

/** Without what would stand in a process list or a log. */
function isPlainHttp({ protocol, username, password, hash }: URL): boolean {
  return /^https?:$/.test(protocol) && `${username}${password}${hash}` === '';
}
