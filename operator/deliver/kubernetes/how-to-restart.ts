// What people do about a pod that its policy isolates or evicts: with rights in its Namespace alone.
import type { DuePod } from '../../model/due-pod.ts';

/** A rollout makes new pods first, so that no budget refuses it. */
export function howToRestart({ pod: { namespace }, workloadName, canRestart }: DuePod): string {
  const list = `kubectl sallyport restarts -n ${namespace}`;
  return canRestart
    ? `To restart it: kubectl sallyport restart ${workloadName} -n ${namespace}. All that must restart: ${list}`
    : `How it is restarted says ${list}`;
}
