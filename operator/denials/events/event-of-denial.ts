// A row of the denial log -> what an Event says about it: on the pod, with the entry that would allow the destination
// where an entry could; of a request from outside on the PolicyAssignment of its workspace. Names in it are chosen by
// workloads and strangers.
import { parseAskedHost } from '../../model/authority.ts';
import type { Denial } from '../../model/denial.ts';
import { truncatedNote } from '../../model/event-note.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import { isReason, REASONS, type Reason } from '../../model/reason.ts';

export interface DenialEvent {
  readonly type: 'Warning';
  readonly reason: 'EgressDenied' | 'EgressWouldBeDenied' | 'IngressDenied';
  readonly action: 'Deny' | 'Log';
  readonly note: string;
}

/** A denial as far as it has a series: those with the same key are one. */
export interface NotedDenial {
  readonly eventId: string;
  readonly key: string;
  readonly repeats: number;
  /** Of the first of the series. */
  readonly event: () => DenialEvent;
}

export function notedDenial(row: Denial): NotedDenial {
  const { eventId, repeats, accessType, destination, port } = row;
  const key = JSON.stringify([accessType, destination, port]);
  return { eventId, key, repeats, event: () => eventOfDenial(row) };
}

/** One series for each host and reason, since clients are countless. */
export function notedRequest(row: InboundDenial): NotedDenial {
  const { eventId, repeats, reason, host } = row;
  return { eventId, key: JSON.stringify([reason, host]), repeats, event: () => eventOfRequest(row) };
}

/** Reasons that an entry for the very name would end. */
const ALLOWABLE: readonly Reason[] = ['DESTINATION_NOT_ALLOWED', 'PORT_NOT_ALLOWED', 'BUCKET_NOT_ALLOWED'];
const USUAL_PORTS: readonly (number | null)[] = [null, 80, 443];
/** So that the rest of the note stays. */
const LONGEST_NAME = 260;

function eventOfRequest({ source, host, reason, ruleLabel, entry }: InboundDenial): DenialEvent {
  const list = ruleLabel === null ? '' : `, list ${quoted(ruleLabel)}`;
  const sentences = [
    `Denied: a request from ${quoted(source.ip ?? 'an unknown address')} to ${quoted(host ?? 'no host')}`,
    `${reason}${list}${entry === null ? '' : `, entry ${quoted(entry)}`}`,
    'All such requests: sallyport denials --inbound',
  ];
  const note = truncatedNote(sentences.join('. '));
  return { type: 'Warning', reason: 'IngressDenied', action: 'Deny', note };
}

function eventOfDenial(row: Denial): DenialEvent {
  const isDropped = row.accessType === 'DROP';
  const { rule, policy, reason } = row;
  const verdict = isDropped ? 'Denied' : 'Would be denied, and passes since the policy is in dry-run';
  const why = isReason(reason) ? `${reason}, ${REASONS[reason]}` : reason;
  const entry = entryFor(row);
  const sentences = [
    `${verdict}: ${destinationOf(row)}`,
    `Policy ${JSON.stringify(policy)}${rule === null ? '' : `, rule ${rule}`}: ${why}`,
    ...(entry === undefined ? [] : [`To allow it, add under allowedInternetDestinations: ${entry}`]),
  ];
  return {
    type: 'Warning',
    reason: isDropped ? 'EgressDenied' : 'EgressWouldBeDenied',
    action: isDropped ? 'Deny' : 'Log',
    note: truncatedNote(sentences.join('. ')),
  };
}

/** "api.example:443"; an odd name is quoted and shortened. */
function destinationOf({ destination, port }: Denial): string {
  const isPlain = /^[A-Za-z0-9._:*[\]-]{1,253}$/.test(destination);
  const name = isPlain ? destination : quoted(destination);
  return port === null ? name : `${name}:${port}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, LONGEST_NAME));
}

/** A line of YAML; undefined where no entry would help. TLS on another port is the least that could be meant. */
function entryFor({ reason, destination, port }: Denial): string | undefined {
  const parsed = parseAskedHost(destination);
  if (!isReason(reason) || !ALLOWABLE.includes(reason) || !('name' in parsed)) return undefined;
  if (USUAL_PORTS.includes(port)) return `- destination: ${parsed.name}`;
  return `- { destination: ${parsed.name}, ports: [{ port: ${port}, protocol: TLS }] }`;
}
