// The other conditions of an object -> its summary, Ready: the first thing that stands in the way, or nothing.
import type { Verdict, Verdicts } from '../../../model/condition.ts';

/** `notStamped` says what a workspace waits for before pods may start there. */
export function readyOf(verdicts: Verdicts, notStamped?: string): Verdict<'Ready'> {
  const { Accepted, ResolvedRefs, Programmed } = verdicts;
  const stamp: readonly Verdict<'Ready'>[] =
    notStamped === undefined ? [] : [{ status: 'False', reason: 'NotStamped', message: notStamped }];
  // A policy that nothing uses waits for nothing.
  const running = Programmed?.reason === 'NotUsed' ? undefined : Programmed;
  const aspects = [Accepted, ResolvedRefs, ...stamp, running].filter((verdict) => verdict !== undefined);
  return (
    aspects.find(({ status }) => status === 'False') ??
    aspects.find(({ status }) => status === 'Unknown') ?? {
      status: 'True',
      reason: 'Ready',
      message: running === undefined ? 'Nothing stands in the way' : 'In force',
    }
  );
}
