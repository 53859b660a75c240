// Entries of a YAML mapping or sequence, removed and added in its text: whole lines of a block, parts of a flow.
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Of a key to the end of its value, or of an item without its "-". */
export interface Entry {
  readonly from: number;
  readonly to: number;
}

export interface Entries {
  readonly text: string;
  readonly newline: string;
  readonly entries: readonly Entry[];
  readonly isFlow: boolean;
}

/** `added` is by the number of the entry before which the new ones stand. Undefined where the lines have others. */
export function editEntries(
  { text, newline, entries, isFlow }: Entries,
  removed: ReadonlySet<number>,
  added: ReadonlyMap<number, readonly string[]>,
): readonly Splice[] | undefined {
  const edit = isFlow ? flowEdit(text, entries) : blockEdit(text, newline, entries);
  const removals = [...removed].map((at) => edit.remove(at, removed));
  const additions = [...added]
    .filter(([, texts]) => texts.length > 0)
    .map(([at, texts]) => edit.add(at, texts));
  const splices = [...removals, ...additions];
  return splices.includes(undefined) ? undefined : splices.filter((splice) => splice !== undefined);
}

interface Edit {
  remove(at: number, removed: ReadonlySet<number>): Splice | undefined;
  add(at: number, texts: readonly string[]): Splice | undefined;
}

/** Only spaces, and the "-" of an item, may stand before an entry on its line. */
const BLOCK_START = /^[ \t]*(?:-[ \t]+)?$/;

function blockEdit(text: string, newline: string, entries: readonly Entry[]): Edit {
  return {
    remove: (at) => {
      const entry = entries[at];
      if (entry === undefined) return undefined;
      const from = startOfLine(text, entry.from);
      const isAlone = BLOCK_START.test(text.slice(from, entry.from));
      return isAlone ? { from, to: endOfLine(text, entry.to), text: '' } : undefined;
    },
    add: (at, texts) => {
      const [first, last] = [entries[0], entries[at - 1]];
      if (first === undefined) return undefined;
      const start = startOfLine(text, first.from);
      const before = text.slice(start, first.from);
      if (!BLOCK_START.test(before)) return undefined;
      const indent = indentOf(before, texts);
      const lines = texts.flatMap((one) => one.split('\n')).map((line) => `${indent}${line}${newline}`);
      const place = last === undefined ? start : endOfLine(text, last.to);
      const open = place > 0 && text[place - 1] !== '\n' ? newline : '';
      return { from: place, to: place, text: `${open}${lines.join('')}` };
    },
  };
}

/** Items bring their own "-"; a mapping in an item begins behind that. */
function indentOf(before: string, texts: readonly string[]): string {
  return texts[0]?.startsWith('- ') === true ? before.replace(/-[ \t]+$/, '') : before.replace('-', ' ');
}

function flowEdit(text: string, entries: readonly Entry[]): Edit {
  return {
    remove: (at, removed) => {
      const entry = entries[at];
      if (entry === undefined) return undefined;
      const tail = removedTail(entries.length, removed);
      const [before, last] = [entries[tail - 1], entries.at(-1)];
      if (at >= tail && before !== undefined && last !== undefined) {
        const isAlone = !text.slice(before.to, last.to).includes('#');
        if (isAlone) return { from: at === tail ? before.to : last.to, to: last.to, text: '' };
      }
      const behind = /^\s*,[ \t]*/.exec(text.slice(entry.to))?.[0] ?? '';
      return { from: entry.from, to: entry.to + behind.length, text: '' };
    },
    add: (at, texts) => {
      const [before, next] = [entries[at - 1], entries[at]];
      const place = before?.to ?? next?.from;
      if (place === undefined) return undefined;
      const joined = texts.join(', ');
      return { from: place, to: place, text: before === undefined ? `${joined}, ` : `, ${joined}` };
    },
  };
}

/** Number of the first of the entries at the end that all go. */
function removedTail(count: number, removed: ReadonlySet<number>): number {
  let tail = count;
  while (removed.has(tail - 1)) tail -= 1;
  return tail;
}

export function startOfLine(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

/** Behind its line end. */
export function endOfLine(text: string, at: number): number {
  if (at > 0 && text[at - 1] === '\n') return at;
  const newline = text.indexOf('\n', at);
  return newline === -1 ? text.length : newline + 1;
}
