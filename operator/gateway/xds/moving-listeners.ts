// Which listeners must be removed before they come back elsewhere: a listener cannot take a port before the one that has
// it has let go of it. Pure.
/** Addresses and ports at which a listener is reached, by its name. */
export type Places = ReadonlyMap<string, readonly string[]>;

/** Listeners that leave a place which another one takes. */
export function movingListeners(before: Places, after: Places): readonly string[] {
  // Of thousands hardly any leaves a place.
  const left = [...before].flatMap(([name, places]) => {
    const kept = after.get(name) ?? places;
    const gone = kept === places ? [] : places.filter((place) => !kept.includes(place));
    return gone.length === 0 ? [] : [[name, gone] as const];
  });
  if (left.length === 0) return [];
  const taken = new Set([...after.values()].flat());
  return left.filter(([, gone]) => gone.some((place) => taken.has(place))).map(([name]) => name);
}
