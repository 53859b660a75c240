// A row of the denial log -> what an Event says about it: on the pod, with the entry that would allow the destination
// where an entry could; of a request from outside on the PolicyAssignment of its workspace. Names in it are chosen by
// workloads and strangers.
import { parseAskedHost } from '../../model/authority.ts';
import type { Denial } from '../../model/denial.ts';
import { truncatedNote } from '../../model/event-note.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import { nextStep } from '../../model/next-step.ts';
import { isReason, REASONS } from '../../model/reason.ts';
import { escapeControls } from '../query/escape-controls.ts';
import { allowingEntry, refusalOfName } from './allowing-entry.ts';

export interface DenialEvent {
  readonly type: 'Warning';
  readonly reason: 'EgressDenied' | 'EgressWouldBeDenied' | 'IngressDenied';
  readonly action: 'Deny' | 'Log';
  readonly note: string;
}

/** What is one series: the denials of one object with the same key. */
interface SeriesOfDenials {
  readonly key: string;
  /** Of the first of the series. */
  readonly event: () => DenialEvent;
}

/** Equal denials. */
export interface CountedDenials extends SeriesOfDenials {
  readonly count: number;
  /** Of their rows, which may come to count more. */
  readonly eventIds: readonly string[];
  /** What counts them where their object has too many series. */
  readonly further: SeriesOfDenials;
}

export function notedDenial(row: Denial): CountedDenials {
  const { eventId, repeats, accessType, destination, port, reason } = row;
  const key = JSON.stringify([accessType, destination, port, reason]);
  const further = {
    key: accessType,
    event: () =>
      eventOf(verdictOf(row), [
        `${textOf(row)}: destinations of which there is no Event, as there are too many; one is ${destinationOf(row)}`,
        `All of them: kubectl sallyport denials -n ${row.workspace}`,
      ]),
  };
  return { key, count: repeats, eventIds: [eventId], event: () => eventOfDenial(row), further };
}

/**
 * One series for each host of the workspace and reason, since clients are countless, and so is what they write behind a
 * colon; and for each reason one for all other hosts.
 */
export function notedRequest(row: InboundDenial): CountedDenials {
  const { eventId, repeats, reason } = row;
  const further = {
    key: 'DENY',
    event: () =>
      eventOf('IngressDenied', [
        `Denied: requests to hosts of which there is no Event, as there are too many; one is to ${quoted(plainHost(row))}`,
        ALL_REQUESTS,
      ]),
  };
  // Envoy has routes for hosts of the workspace only. To others a proxy may name the workspace beside any host.
  const host = row.listener === 'ingress' ? plainHost(row) : null;
  const key = JSON.stringify([reason, host]);
  return { key, count: repeats, eventIds: [eventId], event: () => eventOfRequest(row), further };
}

/** Without port, as WorkspaceConfs write it; what is no host name stays. */
function plainHost({ host }: Pick<InboundDenial, 'host'>): string {
  const [name = ''] = (host ?? 'no host').split(':', 1);
  const asked = parseAskedHost(name);
  return 'name' in asked ? asked.name : name;
}

const ALL_REQUESTS = 'All such requests: kubectl sallyport denials --inbound';
/** So that the rest of the note stays. */
const LONGEST_NAME = 300;

function eventOf(reason: DenialEvent['reason'], sentences: readonly string[], end = ''): DenialEvent {
  const note = truncatedNote(escapeControls(sentences.join('. ')), end);
  return { type: 'Warning', reason, action: reason === 'EgressWouldBeDenied' ? 'Log' : 'Deny', note };
}

function eventOfRequest(row: InboundDenial): DenialEvent {
  const { source, reason, ruleLabel, entry } = row;
  const list = ruleLabel === null ? '' : `, list ${quoted(ruleLabel)}`;
  return eventOf('IngressDenied', [
    `Denied: a request from ${quoted(source.ip ?? 'an unknown address')} to ${quoted(plainHost(row))}`,
    `${reason}${list}${entry === null ? '' : `, entry ${quoted(entry)}`}`,
    ALL_REQUESTS,
  ]);
}

function eventOfDenial(row: Denial): DenialEvent {
  const { rule, policy, reason } = row;
  const why = isReason(reason) ? `${reason}, ${REASONS[reason]}` : reason;
  const sentences = [
    `${textOf(row)}: ${destinationOf(row)}`,
    `Policy ${JSON.stringify(policy)}${rule === null ? '' : `, rule ${rule}`}: ${why}`,
  ];
  return eventOf(verdictOf(row), sentences, whatToDo(row));
}

/** The end of the note. Never cut: a part of an entry may be an entry. */
function whatToDo(row: Denial): string {
  const allowing = allowingEntry(row);
  if (allowing !== undefined) return `. To allow it, add under ${allowing.list}: ${allowing.line}`;
  const refusal = refusalOfName(row);
  if (refusal !== undefined) return `. No allowed destination can be this name. ${refusal}`;
  const step = isReason(row.reason) ? nextStep(row.reason) : undefined;
  return step === undefined ? '' : `. Next step: ${step}`;
}

function verdictOf({ accessType }: Denial): DenialEvent['reason'] {
  return accessType === 'DROP' ? 'EgressDenied' : 'EgressWouldBeDenied';
}

function textOf({ accessType }: Denial): string {
  return accessType === 'DROP' ? 'Denied' : 'Would be denied, and passes since the policy is in dry-run';
}

/** "api.example:443"; an odd name is quoted and shortened. */
function destinationOf({ destination, port }: Denial): string {
  const isPlain = /^[A-Za-z0-9._:*[\]-]{1,253}$/.test(destination);
  const name = isPlain ? destination : quoted(destination);
  return port === null ? name : `${name}:${port}`;
}

/** In printable ASCII. */
function quoted(text: string): string {
  let escaped = '';
  for (const unit of text.slice(0, LONGEST_NAME).split('')) {
    const next = /[ -~]/.test(unit) ? JSON.stringify(unit).slice(1, -1) : escapedUnit(unit);
    if (escaped.length + next.length > LONGEST_NAME) break;
    escaped += next;
  }
  return `"${escaped}"`;
}

function escapedUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
