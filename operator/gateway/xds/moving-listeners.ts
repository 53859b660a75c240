// Which listeners must be removed before they come back elsewhere: a listener cannot take a port before the one that has
// it has let go of it. Pure.
/** Addresses and ports at which a listener is reached, by its name. */
export type Places = ReadonlyMap<string, readonly string[]>;

/** Listeners that leave a place which another one takes. */
export function movingListeners(before: Places, after: Places): readonly string[] {
  const taken = new Set([...after.values()].flat());
  return [...before]
    .filter(([name, places]) => {
      const kept = after.get(name);
      return kept !== undefined && places.some((place) => taken.has(place) && !kept.includes(place));
    })
    .map(([name]) => name);
}
