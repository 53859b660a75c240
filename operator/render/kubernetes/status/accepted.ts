// The Problems of an object -> its condition Accepted.
import type { Verdict } from '../../../model/condition.ts';
import type { Problem } from '../../../model/problem.ts';

type Accepted = Verdict<'Accepted'>;

const ACCEPTED: Accepted = { status: 'True', reason: 'Accepted', message: 'Valid and in use' };

/** Reasons that make it False, the gravest first. */
const REJECTIONS = [
  'WorkspaceNotFound',
  'Conflicted',
  'UnknownTier',
  'WouldLockOut',
  'NotConfirmed',
  'TooManyAddresses',
  'HostTaken',
  'BackendNotUsable',
] as const;

/** Reasons of objects that are in use, though not all of their content has an effect. */
export const REMARKS = [
  'SharedZone',
  'RulesIgnored',
  'TooManyTlsPorts',
  'Expired',
  'AwaitingConfirmation',
  'DeniesEverybody',
  'AnnotationIgnored',
  'UnknownAdoption',
  'DuplicateLabel',
] as const;

/** Problems named in a message; a Metastore may have one per workspace. */
const MOST_PROBLEMS = 3;

export function acceptedOf(problems: readonly Problem[], isUnreadable: boolean): Accepted {
  if (isUnreadable) return { status: 'False', reason: 'Invalid', message: sentenceOf(problems) };
  const having = (reason: string) => problems.filter((problem) => problem.reason === reason);
  const reason = REJECTIONS.find((rejection) => having(rejection).length > 0);
  if (reason !== undefined) return { status: 'False', reason, message: sentenceOf(having(reason)) };
  const remark = REMARKS.find((known) => having(known).length > 0);
  if (remark === undefined) return ACCEPTED;
  return { status: 'True', reason: remark, message: sentenceOf(REMARKS.flatMap(having)) };
}

/** "spec.region: Cannot accept …; and 2 more problems". */
export function sentenceOf(problems: readonly Problem[]): string {
  if (problems.length === 0) return 'Cannot read it';
  const shown = problems.slice(0, MOST_PROBLEMS).map(textOf);
  const more = problems.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`and ${more} more`])].join('; ');
}

function textOf({ field, message }: Problem): string {
  return field === undefined ? message : `${field}: ${message}`;
}
