// Widely used clients, each with how it is started for a host and how it is configured to trust the
// stand-ins' authority. In: a place with programs and files. Out: a command and its environment.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ClientPlace {
  /** PEM of the authority. */
  readonly caFile: string;
  /** The same for Java. */
  readonly trustStore: string;
  readonly python: string;
  /** For downloads. */
  readonly folder: string;
}

export interface RealClient {
  readonly name: string;
  /** As a label of a host. */
  readonly slug: string;
  /** Whether it goes through HTTPS_PROXY; others are governed by name server and transparent ports alone. */
  readonly readsProxyVariables: boolean;
  readonly command: (host: string, place: ClientPlace) => readonly string[];
}

export const BUCKET_HOST = '.s3.us-west-2.amazonaws.com';
export const TRUST_STORE_PASSWORD = 'changeit';

const program = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url));

export const REAL_CLIENTS: readonly RealClient[] = [
  {
    name: 'curl',
    slug: 'curl',
    readsProxyVariables: true,
    command: (host, { caFile }) => ['curl', '-sS', '--cacert', caFile, `https://${host}/`],
  },
  {
    name: 'wget',
    slug: 'wget',
    readsProxyVariables: true,
    command: (host, { caFile }) =>
      // One try: it repeats what it takes for a passing failure.
      ['wget', '-nv', '-t', '1', '-O', '-', `--ca-certificate=${caFile}`, `https://${host}/`],
  },
  {
    name: 'pip',
    slug: 'pip',
    readsProxyVariables: true,
    command: (host, { python, caFile, folder }) => [
      ...[python, '-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '--disable-pip-version-check'],
      ...['--retries', '0', '--cert', caFile, '-d', folder, '--index-url', `https://${host}/simple/`, 'demo'],
    ],
  },
  {
    name: 'conda (requests, streamed)',
    slug: 'conda',
    readsProxyVariables: true,
    command: (host, { python }) => [python, program('conda_like.py'), `https://${host}`],
  },
  {
    name: 'Python requests',
    slug: 'requests',
    readsProxyVariables: true,
    command: (host, { python }) => [python, program('requests_get.py'), `https://${host}/`],
  },
  {
    name: 'boto3 (S3)',
    slug: 'boto3',
    readsProxyVariables: true,
    command: (host, { python }) => [python, program('s3_get.py'), host.replace(BUCKET_HOST, '')],
  },
  {
    name: 'Node fetch',
    slug: 'fetch',
    readsProxyVariables: true,
    command: (host) => [process.execPath, program('fetch.mjs'), `https://${host}/`],
  },
  {
    name: 'gRPC (grpc-js)',
    slug: 'grpc',
    readsProxyVariables: true,
    command: (host) => [process.execPath, program('grpc-call.mjs'), host],
  },
  {
    name: 'Java HttpClient',
    slug: 'java',
    readsProxyVariables: false,
    command: (host, { trustStore }) => [
      ...['java', `-Djavax.net.ssl.trustStore=${trustStore}`],
      ...[`-Djavax.net.ssl.trustStorePassword=${TRUST_STORE_PASSWORD}`, program('HttpGet.java')],
      `https://${host}/`,
    ],
  },
];

/** What the clients read, as it stands on a pod, and where they find the authority. */
export function environmentOf(proxy: string | undefined, { caFile }: ClientPlace): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  const trust = {
    SSL_CERT_FILE: caFile,
    REQUESTS_CA_BUNDLE: caFile,
    AWS_CA_BUNDLE: caFile,
    NODE_EXTRA_CA_CERTS: caFile,
  };
  if (proxy === undefined) return { PATH, HOME, ...trust };
  return {
    ...{ PATH, HOME, ...trust, NODE_USE_ENV_PROXY: '1' },
    ...{ HTTP_PROXY: proxy, HTTPS_PROXY: proxy, http_proxy: proxy, https_proxy: proxy },
  };
}

export function placeIn(work: string): ClientPlace {
  return {
    caFile: join(work, 'ca.pem'),
    trustStore: join(work, 'trust.p12'),
    python: join(work, 'venv/bin/python'),
    folder: join(work, 'downloads'),
  };
}
