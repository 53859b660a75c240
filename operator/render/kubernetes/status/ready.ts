// The other conditions of an object -> its summary, Ready: the first condition that keeps the object from being ready.
import type { Verdict, Verdicts } from '../../../model/condition.ts';

/** `notStamped` says what a workspace waits for before pods may start there. */
export function readyOf(verdicts: Verdicts, notStamped?: string): Verdict<'Ready'> {
  const { Accepted, ResolvedRefs, Programmed, Isolated, BroaderPolicies, RestartRequired } = verdicts;
  const stamp: readonly Verdict<'Ready'>[] =
    notStamped === undefined ? [] : [{ status: 'False', reason: 'NotStamped', message: notStamped }];
  // What nothing uses waits for nothing.
  const unused = Programmed?.reason === 'NotUsed' ? Programmed : undefined;
  const running = unused === undefined ? Programmed : undefined;
  // Where nothing is to be isolated, nothing waits for it either.
  const isolated = Isolated?.reason === 'NotIsolated' ? undefined : Isolated;
  const openings = [BroaderPolicies, RestartRequired].map(inTheWay);
  const aspects = [Accepted, ResolvedRefs, isolated, ...openings, ...stamp, running].filter(
    (verdict) => verdict !== undefined,
  );
  return (
    aspects.find(({ status }) => status === 'False') ??
    aspects.find(({ status }) => status === 'Unknown') ??
    readyWithRemark(Accepted, unused)
  );
}

/** What is ready may be so for a time only, without a part of what was written, or without an effect. */
function readyWithRemark(accepted: Verdicts['Accepted'], unused: Verdicts['Programmed']): Verdict<'Ready'> {
  if (accepted !== undefined && accepted.reason !== 'Accepted') return accepted;
  if (unused !== undefined) return { ...unused, status: 'True' };
  return { status: 'True', reason: 'Ready', message: 'In force' };
}

/** Pods may reach more than the policy says. Those that reach less are in nobody's way. */
function inTheWay(
  verdict: Verdicts['BroaderPolicies'] | Verdicts['RestartRequired'],
): Verdict<'Ready'> | undefined {
  if (verdict?.status !== 'True') return undefined;
  if (verdict.reason !== 'BroaderPolicies' && verdict.reason !== 'MoreOpenPodsRunning') return undefined;
  return { status: 'False', reason: verdict.reason, message: verdict.message };
}
