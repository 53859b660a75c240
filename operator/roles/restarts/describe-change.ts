// Two lanes -> what has changed between them, in the words of policies: "full -> restricted", "enforced -> dry-run".
import { isDryRun, isKnownLane } from '../../model/lane.ts';

/** From that of running pods to that of new ones. */
export function describeChange(from: string, to: string): string {
  const isOfMode = from === 'full' || to === 'full';
  const [before, now] = [wordOf(from, isOfMode), wordOf(to, isOfMode)];
  // What else differs is which destinations there are, for which policies have no word.
  return before === now ? `${from} -> ${to}` : `${before} -> ${now}`;
}

function wordOf(lane: string, isOfMode: boolean): string {
  if (!isKnownLane(lane)) return `"${lane}"`;
  if (lane === 'full') return lane;
  if (isDryRun(lane)) return 'dry-run';
  return isOfMode ? 'restricted' : 'enforced';
}
