// Commit-confirm: a change that is to be confirmed within a time counts at once, and is taken back unless its version is
// confirmed by then. What was in force before, and until when, is in the IngressPlan, so that a restart forgets nothing.
import { formatDuration, parseDuration } from '../../lib/duration.ts';
import { CONFIRM_WITHIN, CONFIRMED } from '../../model/access-annotations.ts';
import type { Trial } from '../../model/ingress-plan.ts';
import type { IpAccessList } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import { problemAbout } from '../../model/snapshot.ts';
import type { WorkspaceConf } from '../../model/workspace-conf.ts';
import { contentHash } from '../content-hash.ts';

type Tried = IpAccessList | WorkspaceConf;

/** What was in force; both left out where nothing was. */
export type Former = Pick<Trial, 'formerList' | 'formerConf'>;

export interface TrialVerdict {
  /** Takes the place of the object, which is taken back. */
  readonly former?: Former;
  /** To be remembered. */
  readonly trial?: Trial;
  readonly problems: readonly Problem[];
}

export interface TrialInput {
  /** Of this object, as it was remembered. */
  readonly trial: Trial | undefined;
  readonly inForce: Former;
  /** Whether it says something else than what is in force. */
  readonly isChanged: boolean;
  /** Whether it says what was in force before the trial. */
  readonly isAsBefore: boolean;
  readonly atMs: number;
}

const COUNTS: TrialVerdict = { problems: [] };
const VERSION_LENGTH = 8;
/** A year; a longer one is a mistake. */
const LONGEST_MS = 365 * 86_400_000;

/** The generation; where nobody counts, a hash of the content. */
export function versionOf({ metadata, spec }: Tried): string {
  return String(metadata.generation ?? contentHash(spec).slice(0, VERSION_LENGTH));
}

/** Whether it can be one of versionOf(). */
export function isVersion(text: string): boolean {
  return /^(?:[0-9]+|[0-9a-f]{8})$/.test(text);
}

export function judgeTrial(object: Tried, input: TrialInput): TrialVerdict {
  const { trial, isChanged, isAsBefore, atMs } = input;
  const version = versionOf(object);
  if (annotationOf(object, CONFIRMED) === version) return COUNTS;
  if (trial?.version === version) {
    if (!isOver(trial, atMs)) return { trial, problems: [awaiting(object, trial)] };
    return { former: trial, trial, problems: [takenBack(object, trial)] };
  }
  const within = annotationOf(object, CONFIRM_WITHIN);
  const isTried = trial === undefined ? isChanged : !isAsBefore;
  return isTried && within !== undefined ? startTrial(object, within, input) : COUNTS;
}

export function isOver({ until }: Trial, atMs: number | undefined): boolean {
  return atMs !== undefined && atMs >= Date.parse(until);
}

function annotationOf({ metadata }: Tried, name: string): string | undefined {
  return metadata.annotations?.[name];
}

function startTrial(object: Tried, within: string, { trial, inForce, atMs }: TrialInput): TrialVerdict {
  // Of an unconfirmed change that is changed again, what was before the first one.
  const { formerList, formerConf } = trial ?? inForce;
  const former = {
    ...(formerList === undefined ? {} : { formerList }),
    ...(formerConf === undefined ? {} : { formerConf }),
  };
  const parsed = parseWithin(within);
  if ('error' in parsed) {
    const remembered = trial === undefined ? {} : { trial };
    return { former, ...remembered, problems: [unreadable(object, parsed.error)] };
  }
  const until = new Date(atMs + parsed.durationMs).toISOString();
  const { kind, metadata } = object;
  const started = { kind, name: metadata.name, version: versionOf(object), until, ...former };
  return { trial: started, problems: [awaiting(object, started)] };
}

/** The value of CONFIRM_WITHIN. */
export function parseWithin(text: string): ReturnType<typeof parseDuration> {
  const parsed = parseDuration(text);
  if ('error' in parsed || parsed.durationMs <= LONGEST_MS) return parsed;
  return { error: `Cannot use duration "${text}": the longest is "${formatDuration(LONGEST_MS)}"` };
}

function awaiting(object: Tried, { until, version }: Trial): Problem {
  const message = `It is in force, and is taken back at ${until} unless it is confirmed: annotate it with ${CONFIRMED}="${version}"`;
  return problemAbout(object, 'AwaitingConfirmation', message);
}

function takenBack(object: Tried, { until, version }: Trial): Problem {
  const message = `It was not confirmed by ${until} and is taken back: what was before is in force; change it, or annotate it with ${CONFIRMED}="${version}"`;
  return problemAbout(object, 'NotConfirmed', message);
}

function unreadable(object: Tried, fault: string): Problem {
  const message = `${fault}; until then what was before is in force`;
  return problemAbout(object, 'NotConfirmed', message, `metadata.annotations[${CONFIRM_WITHIN}]`);
}
