// The computed status of one object, before it is compared with the stored one.
import type { Verdict, Verdicts } from '../../../model/condition.ts';

export interface FoundStatus {
  readonly verdicts: Verdicts;
  /** The rest of the status: counts and words for columns. */
  readonly fields: Readonly<Record<string, string | number>>;
}

export const RESTARTS_NOT_TRACKED: Verdict<'RestartRequired'> = {
  status: 'Unknown',
  reason: 'NotTracked',
  message: 'Workloads that must restart are not tracked',
};
