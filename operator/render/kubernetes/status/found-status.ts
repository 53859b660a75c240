// The computed status of one object, before it is compared with the stored one.
import type { Verdicts } from '../../../model/condition.ts';

export interface FoundStatus {
  readonly verdicts: Verdicts;
  /** The rest of the status: counts and words for columns. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** `"a", "b", "c" and 2 more`. */
export function nameSome(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
