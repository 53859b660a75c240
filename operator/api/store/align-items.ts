// Two lists -> which items stay, change, come or go, so that what stays is left alone.
export interface Alignment {
  /** Number in the old list, and in the new one. */
  readonly changed: readonly (readonly [number, number])[];
  /** By number in the old list. */
  readonly removed: ReadonlySet<number>;
  /** By the number of the old item before which they stand. */
  readonly added: ReadonlyMap<number, readonly unknown[]>;
}

export function alignItems(before: readonly unknown[], after: readonly unknown[]): Alignment {
  const same = commonItems(
    before.map((item) => JSON.stringify(item)),
    after.map((item) => JSON.stringify(item)),
  );
  const changed: (readonly [number, number])[] = [];
  const removed = new Set<number>();
  const added = new Map<number, readonly unknown[]>();
  let [from, to] = [0, 0];
  for (const [nextFrom, nextTo] of [...same, [before.length, after.length] as const]) {
    const pairs = Math.min(nextFrom - from, nextTo - to);
    for (let at = 0; at < pairs; at += 1) changed.push([from + at, to + at]);
    for (let at = from + pairs; at < nextFrom; at += 1) removed.add(at);
    if (nextTo > to + pairs) added.set(nextFrom, after.slice(to + pairs, nextTo));
    [from, to] = [nextFrom + 1, nextTo + 1];
  }
  return { changed, removed, added };
}

/** Longest common subsequence, as pairs of numbers. */
function commonItems(
  before: readonly string[],
  after: readonly string[],
): readonly (readonly [number, number])[] {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  const lengthAt = (from: number, to: number): number => lengths[from * width + to] ?? 0;
  for (let from = before.length - 1; from >= 0; from -= 1) {
    for (let to = after.length - 1; to >= 0; to -= 1) {
      lengths[from * width + to] =
        before[from] === after[to]
          ? lengthAt(from + 1, to + 1) + 1
          : Math.max(lengthAt(from + 1, to), lengthAt(from, to + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let [from, to] = [0, 0]; from < before.length && to < after.length; ) {
    if (before[from] === after[to]) {
      pairs.push([from, to]);
      from += 1;
      to += 1;
    } else if (lengthAt(from + 1, to) >= lengthAt(from, to + 1)) from += 1;
    else to += 1;
  }
  return pairs;
}
