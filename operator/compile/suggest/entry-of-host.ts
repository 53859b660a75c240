// A denied host -> the narrowest entry that allows it: a bucket or an account where its name says which, else the exact
// name with just the ports that were asked for.
import type { NetworkAccess, PortProtocol } from '../../model/network-policy.ts';
import { compareText } from '../../model/snapshot.ts';
import {
  type StorageDestination,
  storageDestinationSchema,
  storageHosts,
} from '../../model/storage-destination.ts';
import { AZURE_SERVICES } from '../../model/storage-host.ts';
import type { DeniedTraffic } from './denied-traffic.ts';

export type SuggestedDestination =
  | { readonly list: 'allowedInternetDestinations'; readonly destination: InternetEntry }
  | { readonly list: 'allowedStorageDestinations'; readonly destination: StorageDestination };

export interface PortEntry {
  readonly port: number;
  readonly protocol: PortProtocol;
}

/** As people write it. */
export interface InternetEntry {
  readonly destination: string;
  /** Left out: 443 for TLS and 80 for HTTP, where both were asked for. */
  readonly ports?: readonly PortEntry[];
}

export type AllowedList = keyof Pick<
  NetworkAccess,
  'allowedInternetDestinations' | 'allowedStorageDestinations'
>;

/** Where only a DNS question was seen. */
export const ASSUMED_PORT: PortEntry = { port: 443, protocol: 'TLS' };

const REGION = '[a-z0-9-]+';

/**
 * As AWS names them ("us-gov-west-1", "us-isob-east-1", "eusc-de-east-1"): other words stand in their place, too, such as
 * "s3-accelerate", "s3-fips" and "s3-website-us-west-2". A host in a region of a new name is suggested by its exact name.
 */
const AWS_REGION =
  '(?:af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(?:-(?:gov|iso[a-z]?|de))?-(?:central|east|west|(?:north|south)(?:east|west)?)-[1-9]';

/** What stands in a host name, by provider; storageHosts() has the last word. */
const STORAGE_FORMS: readonly (readonly [RegExp, (parts: Readonly<Record<string, string>>) => object])[] = [
  [
    new RegExp(
      `^(?<bucketName>[^.]+)\\.s3(?:-fips)?(?:\\.dualstack)?[.-](?<region>${AWS_REGION})\\.amazonaws\\.com(?:\\.cn)?$`,
    ),
    (parts) => ({ storageDestinationType: 'AWS_S3', ...parts }),
  ],
  [
    new RegExp(`^(?<bucketName>[^.]+)\\.storage\\.(?<region>${REGION})\\.rep\\.googleapis\\.com$`),
    (parts) => ({ storageDestinationType: 'GOOGLE_CLOUD_STORAGE', ...parts }),
  ],
  [
    /^(?<bucketName>[^.]+)\.(?:storage|commondatastorage)\.googleapis\.com$/,
    (parts) => ({ storageDestinationType: 'GOOGLE_CLOUD_STORAGE', ...parts }),
  ],
  [
    new RegExp(
      `^(?<azureStorageAccount>[^.]+?)(?:-secondary)?\\.(?<azureStorageService>${AZURE_SERVICES.join('|')})\\.core\\.windows\\.net$`,
    ),
    (parts) => ({ storageDestinationType: 'AZURE_STORAGE', ...parts }),
  ],
];

/** What was asked for, as the entry for just that name has it. */
export function askedPort({ port, protocol }: Pick<DeniedTraffic, 'port' | 'protocol'>): PortEntry {
  return port === null ? ASSUMED_PORT : { port, protocol: protocol ?? 'TLS' };
}

/** The bucket or account to allow for a denial; undefined where an entry for just the name is needed. */
export function bucketEntry(host: string, reason: string, asked: PortEntry): StorageDestination | undefined {
  const isStorageWay = asked.port === ASSUMED_PORT.port && asked.protocol === ASSUMED_PORT.protocol;
  return reason === 'BUCKET_NOT_ALLOWED' && isStorageWay ? storageEntryOf(host) : undefined;
}

/**
 * Undefined where the name does not say everything that an entry needs, such as the region of "b.s3.amazonaws.com": a
 * guess would allow hosts that nobody asked for, or not this one.
 */
function storageEntryOf(host: string): StorageDestination | undefined {
  for (const [form, entryOf] of STORAGE_FORMS) {
    const parts = form.exec(host)?.groups;
    const parsed =
      parts === undefined ? undefined : storageDestinationSchema.safeParse(entryOf({ ...parts }));
    if (parsed?.success === true && storageHosts(parsed.data).includes(host)) return parsed.data;
  }
  return undefined;
}

/** The most that one entry may have. */
const MOST_PORTS = 16;

/** Of one name; several where it has more ports than an entry may have. */
export function internetEntries(destination: string, asked: readonly PortEntry[]): readonly InternetEntry[] {
  const ports = narrowPorts(asked);
  if (textOf(ports) === DEFAULT_PORTS) return [{ destination }];
  const parts = Array.from({ length: Math.ceil(ports.length / MOST_PORTS) }, (_, at) =>
    ports.slice(at * MOST_PORTS, (at + 1) * MOST_PORTS),
  );
  return parts.map((some) => ({ destination, ports: some }));
}

const DEFAULT_PORTS = textOf([
  { port: 80, protocol: 'HTTP' },
  { port: 443, protocol: 'TLS' },
]);

/** Each once, in order; a port for any bytes takes TLS, too. */
function narrowPorts(asked: readonly PortEntry[]): readonly PortEntry[] {
  const uninspected = new Set(asked.flatMap(({ port, protocol }) => (protocol === 'TCP' ? [port] : [])));
  const needed = asked.filter(({ port, protocol }) => protocol !== 'TLS' || !uninspected.has(port));
  const byText = new Map(needed.map(({ port, protocol }) => [`${port}/${protocol}`, { port, protocol }]));
  return [...byText.values()].toSorted((a, b) => a.port - b.port || compareText(a.protocol, b.protocol));
}

function textOf(ports: readonly PortEntry[]): string {
  return JSON.stringify(ports.map(({ port, protocol }) => [port, protocol]));
}

/** For people: `name:port/protocol …`, `s3://bucket (region)`. */
export function describeDestination({ list, destination }: SuggestedDestination): string {
  if (list === 'allowedInternetDestinations') return destination.destination;
  const { storageDestinationType, bucketName, region, azureStorageAccount, azureStorageService } =
    destination;
  if (storageDestinationType === 'AZURE_STORAGE')
    return `azure://${azureStorageAccount}/${azureStorageService}`;
  const place = storageDestinationType === 'AWS_S3' ? `s3://${bucketName}` : `gs://${bucketName}`;
  return region === undefined ? place : `${place} (${region})`;
}
