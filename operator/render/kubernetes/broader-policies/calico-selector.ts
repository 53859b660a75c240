// A selector as Calico writes it -> the label selector that takes at least the same. Read are equalities joined by
// "&&"; of everything else nothing is known, so it takes everything.

const EQUALITY = /^([\w./-]+)\s*==\s*(?:'([^']*)'|"([^"]*)")$/;
/** Alternatives, negations and groups: a part of such a selector says nothing of the whole. */
const COMPOUND = /\|\||!|\((?!\))/;
/** Where a value may hold quotes of the other kind, a part of it could read like an equality. */
const BOTH_QUOTES = /'.*"|".*'/s;

export function readCalicoSelector(selector: unknown): unknown {
  if (typeof selector !== 'string' || COMPOUND.test(selector) || BOTH_QUOTES.test(selector)) return {};
  const equalities = selector.split('&&').flatMap((part) => {
    const [, key, single, double] = EQUALITY.exec(part.trim()) ?? [];
    return key === undefined ? [] : [[key, single ?? double ?? ''] as const];
  });
  return { matchLabels: Object.fromEntries(equalities) };
}
