// Two texts -> the lines that differ, with three around them, as `diff -u` writes them.
import { alignItems } from '../../api/store/align-items.ts';

interface Line {
  readonly mark: ' ' | '+' | '-';
  readonly text: string;
}

const CONTEXT = 3;

export function diffLines(before: string, after: string): readonly string[] {
  const lines = markedLines(before.split('\n'), after.split('\n'));
  const near = new Set(
    lines.flatMap(({ mark }, at) =>
      mark === ' ' ? [] : Array.from({ length: 2 * CONTEXT + 1 }, (_, offset) => at - CONTEXT + offset),
    ),
  );
  return lines.flatMap(({ mark, text }, at) => {
    if (!near.has(at)) return [];
    const gap = at > 0 && !near.has(at - 1) ? ['...'] : [];
    return [...gap, `${mark}${text}`];
  });
}

function markedLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  const start = sameAtStart(before, after);
  const end = sameAtStart(before.slice(start).toReversed(), after.slice(start).toReversed());
  const [old, fresh] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  const same = (lines: readonly string[]): readonly Line[] => lines.map((text) => ({ mark: ' ', text }));
  return [
    ...same(before.slice(0, start)),
    ...changedLines(old, fresh),
    ...same(before.slice(before.length - end)),
  ];
}

/** What is between the first line that differs and the last one. */
function changedLines(old: readonly string[], fresh: readonly string[]): readonly Line[] {
  const { changed, removed, added } = alignItems(old, fresh);
  const replaced = new Map(changed);
  const addedAt = (at: number): readonly Line[] =>
    (added.get(at) ?? []).map((text) => ({ mark: '+', text: String(text) }));
  const lines = old.flatMap((text, at): readonly Line[] => {
    const to = replaced.get(at);
    const own: readonly Line[] =
      to === undefined
        ? [{ mark: removed.has(at) ? '-' : ' ', text }]
        : [
            { mark: '-', text },
            { mark: '+', text: fresh[to] ?? '' },
          ];
    return [...addedAt(at), ...own];
  });
  return [...lines, ...addedAt(old.length)];
}

function sameAtStart(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((text, index) => text !== b[index]);
  return at === -1 ? Math.min(a.length, b.length) : at;
}
