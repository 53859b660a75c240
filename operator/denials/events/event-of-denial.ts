// A row of the denial log -> what an Event on the pod says about it, with the entry that would allow the destination
// where an entry could. The name of the destination was chosen by the workload.
import { parseAskedHost } from '../../model/authority.ts';
import type { Denial } from '../../model/denial.ts';
import { truncatedNote } from '../../model/event-note.ts';
import { isReason, REASONS, type Reason } from '../../model/reason.ts';

export interface DenialEvent {
  readonly type: 'Warning';
  readonly reason: 'EgressDenied' | 'EgressWouldBeDenied';
  readonly action: 'Deny' | 'Log';
  readonly note: string;
}

/** Reasons that an entry for the very name would end. */
const ALLOWABLE: readonly Reason[] = ['DESTINATION_NOT_ALLOWED', 'PORT_NOT_ALLOWED', 'BUCKET_NOT_ALLOWED'];
const USUAL_PORTS: readonly (number | null)[] = [null, 80, 443];
/** So that the rest of the note stays. */
const LONGEST_NAME = 260;

export function eventOfDenial(row: Denial): DenialEvent {
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
  const name = isPlain ? destination : JSON.stringify(destination.slice(0, LONGEST_NAME));
  return port === null ? name : `${name}:${port}`;
}

/** A line of YAML; undefined where no entry would help. TLS on another port is the least that could be meant. */
function entryFor({ reason, destination, port }: Denial): string | undefined {
  const parsed = parseAskedHost(destination);
  if (!isReason(reason) || !ALLOWABLE.includes(reason) || !('name' in parsed)) return undefined;
  if (USUAL_PORTS.includes(port)) return `- destination: ${parsed.name}`;
  return `- { destination: ${parsed.name}, ports: [{ port: ${port}, protocol: TLS }] }`;
}
