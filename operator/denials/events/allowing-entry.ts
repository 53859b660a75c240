// A row of the denial log -> the entry that would allow just what was asked for, as a line of YAML, for people to copy. It
// is the one that `sallyport suggest` would make of this row alone. Undefined in doubt: no entry may allow more.
import { dump } from 'js-yaml';
import {
  type AllowedList,
  ASSUMED_PORT,
  askedPort,
  bucketEntry,
  internetEntries,
  type PortEntry,
} from '../../compile/suggest/entry-of-host.ts';
import { parseAskedHost } from '../../model/authority.ts';
import type { Denial } from '../../model/denial.ts';
import { internetDestinationSchema } from '../../model/network-policy.ts';
import type { Reason } from '../../model/reason.ts';

export interface AllowingEntry {
  readonly list: AllowedList;
  /** "- {destination: api.example, ports: [{port: 443, protocol: TLS}]}". */
  readonly line: string;
}

/** Reasons that an entry for the very name would end. */
const ALLOWABLE: readonly string[] = [
  'DESTINATION_NOT_ALLOWED',
  'PORT_NOT_ALLOWED',
  'BUCKET_NOT_ALLOWED',
] satisfies Reason[];

export function allowingEntry(row: Denial): AllowingEntry | undefined {
  const asked = askedPort(row);
  const parsed = parseAskedHost(row.destination);
  if (!('name' in parsed) || !ALLOWABLE.includes(row.reason) || !mayBeAllowed(row, parsed.name, asked))
    return undefined;
  const { name } = parsed;
  const storage = bucketEntry(name, row.reason, asked);
  if (storage !== undefined) return { list: 'allowedStorageDestinations', line: lineOf(storage) };
  const [entry] = internetEntries(name, [asked]);
  if (entry === undefined || !internetDestinationSchema.safeParse(entry).success) return undefined;
  return { list: 'allowedInternetDestinations', line: lineOf(entry) };
}

/** Of a name that no allowed destination may be, such as one inside the cluster: the sentence that says so. */
export function refusalOfName({ destination, reason }: Denial): string | undefined {
  const parsed = parseAskedHost(destination);
  if (!('name' in parsed) || !ALLOWABLE.includes(reason)) return undefined;
  const entry = internetDestinationSchema.safeParse({ destination: parsed.name });
  return entry.error?.issues[0]?.message;
}

/** Another server name would be the next reason. TCP on the port of HTTPS allows any server: a person decides that. */
function mayBeAllowed({ sni }: Denial, name: string, asked: PortEntry): boolean {
  return (sni === null || sni.toLowerCase() === name) && !(isHttps(asked) && asked.protocol === 'TCP');
}

function isHttps({ port }: PortEntry): boolean {
  return port === ASSUMED_PORT.port;
}

function lineOf(entry: object): string {
  return `- ${dump(entry, { flowLevel: 0, lineWidth: -1 }).trim()}`;
}
