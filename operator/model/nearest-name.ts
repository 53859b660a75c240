// A name that nothing has, and those that there are -> the words that suggest what was meant, as the command line's.
import leven, { closestMatch } from 'leven';

const MAX_EDITS = 2;
/** Of more names a guess says little, and would be slow. */
const MOST_NAMES = 200;

/** " (Did you mean company?)", to be appended to a message; "" where no name is near. */
export function didYouMean(written: string, known: readonly string[]): string {
  if (known.length > MOST_NAMES) return '';
  // Two short names are near each other without being alike: half of the letters must be right.
  const alike = known.filter((name) => leven(written, name) * 2 <= Math.max(written.length, name.length));
  const nearest = closestMatch(written, alike, { maxDistance: MAX_EDITS });
  return nearest === undefined ? '' : ` (Did you mean ${nearest}?)`;
}
