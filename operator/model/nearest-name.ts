// A name that nothing has, and those that there are -> the words that suggest what was meant, as the command line's.
/** Edits, of two letters at most. */
const MAX_EDITS = 2;
/** Of more names a guess says little, and would be slow. */
const MOST_NAMES = 200;

/** " (Did you mean company?)", to be appended to a message; "" where no name is near. */
export function didYouMean(written: string, known: readonly string[]): string {
  if (known.length > MOST_NAMES) return '';
  const near = known
    .map((name) => ({ name, edits: editsBetween(written, name) }))
    .filter(({ name, edits }) => edits <= MAX_EDITS && edits * 2 < Math.max(written.length, name.length))
    .reduce<{ readonly name: string; readonly edits: number } | undefined>(
      (best, one) => (best === undefined || one.edits < best.edits ? one : best),
      undefined,
    );
  return near === undefined ? '' : ` (Did you mean ${near.name}?)`;
}

/** Letters added, removed, replaced or swapped with their neighbour; more than MAX_EDITS are not counted. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_EDITS) return MAX_EDITS + 1;
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? at(beforeLast, j - 2) + 1 : replaced;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
