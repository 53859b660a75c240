// A selector as Calico writes it -> a label selector that selects at least the same pods. Only equalities joined by
// "&&" are parsed; anything else selects everything.

const EQUALITY = /^([\w./-]+)\s*==\s*(?:'([^']*)'|"([^"]*)")$/;
/** Alternatives, negations and groups: a part of such a selector does not bound the whole. */
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
