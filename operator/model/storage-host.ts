// Host names of storage providers: those in which a provider names its customers (buckets, accounts), and endpoints
// that reach every customer's bucket by path. No wildcard of a policy covers either, since it would cover other
// customers' buckets; only storage destinations and exact names allow them. In: a canonical host. Out: its bucket or
// account.
/** A host name of a storage provider: the one place it reaches, or (`location: null`) an endpoint for all buckets. */
export interface StorageHost {
  readonly location: string | null;
}

interface Provider {
  readonly domains: readonly string[];
  /** The part between a bucket or account and the domain; a regular expression without groups that capture. */
  readonly endpoint: string;
  /** Whether the endpoint alone reaches every bucket, by path. */
  readonly hasPathStyle: boolean;
  /** Hosts that have no customers' names under them: they only reach all buckets. */
  readonly isOneHost?: true;
  readonly locationOf: (bucket: string, host: string) => string;
}

export const AZURE_SERVICES = ['blob', 'dfs', 'file', 'queue', 'table'] as const;

/** Web sites of an account have a host of their own, which no storage destination covers. */
const AZURE_HOSTS = [...AZURE_SERVICES, 'web'].join('|');

/** Written in RE2's subset, so that Envoy's routes and this module read a host alike. */
const PROVIDERS: readonly Provider[] = [
  {
    // With access points, directory buckets, interface endpoints (vpce) and web sites.
    domains: [
      'amazonaws.com',
      'amazonaws.com.cn',
      'amazonaws.eu',
      'api.aws',
      'api.amazonwebservices.com.cn',
      'c2s.ic.gov',
      'sc2s.sgov.gov',
    ],
    endpoint: 's3(?:express)?(?:[.-][a-z0-9-]+)*',
    hasPathStyle: true,
    locationOf: (bucket) => `s3://${bucket.replace(/\.(?:bucket|accesspoint)\.vpce-[a-z0-9-]+$/, '')}`,
  },
  {
    domains: ['googleapis.com'],
    endpoint:
      '(?:storage(?:-[a-z0-9-]+)?|commondatastorage|content-storage)(?:\\.mtls|\\.p|\\.[a-z0-9-]+\\.rep)?',
    hasPathStyle: true,
    locationOf: (bucket) => `gs://${bucket}`,
  },
  {
    // The JSON interface of every bucket is here, too, beside others.
    domains: ['www.googleapis.com', 'storage.cloud.google.com', 'onelake.dfs.fabric.microsoft.com'],
    endpoint: '',
    hasPathStyle: true,
    isOneHost: true,
    locationOf: (_, host) => host,
  },
  {
    domains: ['core.windows.net', 'core.usgovcloudapi.net', 'core.chinacloudapi.cn', 'storage.azure.net'],
    endpoint: `(?:${AZURE_HOSTS})`,
    hasPathStyle: false,
    // Zones (z13) and private links stand behind the account.
    locationOf: (bucket, host) =>
      `azure://${bucket.split('.')[0]?.replace(/-secondary$/, '')}/${host.slice(bucket.length + 1).split('.')[0]}`,
  },
  {
    domains: ['aliyuncs.com'],
    endpoint: 'oss(?:-[a-z0-9-]+)?(?:\\.[a-z0-9-]+)*',
    hasPathStyle: true,
    locationOf: (_, host) => host,
  },
  {
    domains: ['oraclecloud.com', 'customer-oci.com'],
    endpoint: 'objectstorage(?:\\.[a-z0-9-]+)+',
    hasPathStyle: true,
    locationOf: (_, host) => host,
  },
  {
    domains: ['myhuaweicloud.com', 'myhuaweicloud.eu'],
    endpoint: 'obs(?:\\.[a-z0-9-]+)+',
    hasPathStyle: true,
    locationOf: (_, host) => host,
  },
  {
    // Every name under these is a bucket, or an endpoint for all buckets.
    domains: [
      'backblazeb2.com',
      'cloud-object-storage.appdomain.cloud',
      'contabostorage.com',
      'digitaloceanspaces.com',
      'io.cloud.ovh.net',
      'linodeobjects.com',
      'myqcloud.com',
      'perf.cloud.ovh.net',
      'r2.cloudflarestorage.com',
      'r2.dev',
      's3.fr-par.scw.cloud',
      's3.nl-ams.scw.cloud',
      's3.pl-waw.scw.cloud',
      'storage.tigris.dev',
      'storage.yandexcloud.net',
      'storjshare.io',
      'tencentcos.cn',
      'vultrobjects.com',
      'wasabisys.com',
      'your-objectstorage.com',
    ],
    endpoint: '',
    hasPathStyle: false,
    locationOf: (_, host) => host,
  },
];

/** Domains under which all of these hosts are. */
export const STORAGE_DOMAINS: readonly string[] = PROVIDERS.flatMap(({ domains }) => domains);

/** Those of them under which customers have names. */
export const STORAGE_ZONES: readonly string[] = PROVIDERS.filter(
  ({ isOneHost }) => isOneHost !== true,
).flatMap(({ domains }) => domains);

const BUCKET = '[a-z0-9_][a-z0-9._-]*';

const ENDPOINTS = PROVIDERS.map(endpointPattern);
const PATH_STYLE_ENDPOINTS = PROVIDERS.filter(({ hasPathStyle }) => hasPathStyle).map(endpointPattern);

/** A regular expression (RE2, on a lower-case host without port), of hosts that name one bucket or account. */
export const BUCKET_HOST_PATTERN = `${BUCKET}\\.(?:${ENDPOINTS.join('|')})`;

/** The same of endpoints whose bucket is in the path. */
export const PATH_STYLE_HOST_PATTERN = PATH_STYLE_ENDPOINTS.join('|');

function endpointPattern({ domains, endpoint }: Provider): string {
  const domain = `(?:${domains.map((text) => text.replaceAll('.', '\\.')).join('|')})`;
  return endpoint === '' ? domain : `${endpoint}\\.${domain}`;
}

const BUCKET_HOSTS = ENDPOINTS.map((endpoint) => new RegExp(`^(${BUCKET})\\.${endpoint}$`));
const PATH_STYLE_HOST = new RegExp(`^(?:${PATH_STYLE_HOST_PATTERN})$`);

/** The storage that a canonical host name reaches; undefined where it is no storage provider's. */
export function parseStorageHost(host: string): StorageHost | undefined {
  if (!STORAGE_DOMAINS.some((domain) => host.endsWith(domain))) return undefined;
  if (PATH_STYLE_HOST.test(host)) return { location: null };
  const found = BUCKET_HOSTS.map((pattern) => pattern.exec(host)?.[1]);
  const at = found.findIndex((bucket) => bucket !== undefined);
  const location = PROVIDERS[at]?.locationOf(found[at] ?? '', host);
  return location === undefined ? undefined : { location };
}

/** Whether storage hosts are among the names under this one. */
export function isAboveStorage(name: string): boolean {
  return STORAGE_DOMAINS.some(
    (domain) => domain === name || domain.endsWith(`.${name}`) || name.endsWith(`.${domain}`),
  );
}
