// The text of one YAML document, its value and the wanted value -> the text with only the fields changed that differ:
// comments, styles and line ends of all else stay. The caller reads the result again and compares.
import { dump } from 'js-yaml';
import {
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { alignItems } from './align-items.ts';
import { type Entry, editEntries, endOfLine, type Splice, startOfLine } from './yaml-entries.ts';

interface Changes {
  readonly removed: ReadonlySet<number>;
  readonly added: ReadonlyMap<number, readonly string[]>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Undefined where the text is none that can be edited. */
export function withValue(text: string, before: unknown, after: unknown): string | undefined {
  const root = rootOf(text);
  if (root === undefined) return undefined;
  const splices = new Editor(text).value(root, before, after);
  return splices === undefined ? undefined : spliced(text, splices);
}

/** The text without its value; comments before and behind it stay. */
export function withoutValue(text: string): string | undefined {
  const root = rootOf(text);
  if (root?.range === undefined || root.range === null) return undefined;
  const from = startOfLine(text, root.range[0]);
  return spliced(text, [{ from, to: endOfLine(text, endOf(root)), text: '' }]);
}

function rootOf(text: string): Node | undefined {
  const { contents, errors } = parseDocument<Node>(text, { uniqueKeys: false });
  return errors.length === 0 && isMap(contents) ? contents : undefined;
}

/** Undefined where two of them touch the same text. */
function spliced(text: string, splices: readonly Splice[]): string | undefined {
  const ordered = splices.toSorted((a, b) => a.from - b.from || a.to - b.to);
  const parts: string[] = [];
  let at = 0;
  for (const splice of ordered) {
    if (splice.from < at) return undefined;
    parts.push(text.slice(at, splice.from), splice.text);
    at = splice.to;
  }
  return `${parts.join('')}${text.slice(at)}`;
}

/** Each method gives the splices for one node, or undefined where there are none that do it. */
class Editor {
  readonly #text: string;
  readonly #newline: string;

  constructor(text: string) {
    this.#text = text;
    this.#newline = /\r?\n/.exec(text)?.[0] ?? '\n';
  }

  value(node: Node, before: unknown, after: unknown): readonly Splice[] | undefined {
    if (sameValue(before, after)) return [];
    if (isMap(node) && isFields(before) && isFields(after) && keepsSome(node, before, after)) {
      return this.#fields(node, before, after);
    }
    if (isSeq(node) && isItems(before) && isItems(after)) return this.#items(node, before, after);
    return isBlock(node) ? undefined : this.#whole(node, after);
  }

  #whole(node: Node, after: unknown): readonly Splice[] | undefined {
    if (!node.range) return undefined;
    const [from, to] = [node.range[0], endOf(node)];
    const end = this.#text.slice(from, to).endsWith('\n') ? this.#newline : '';
    const space = from === to && this.#text[to - 1] === ':' ? ' ' : '';
    return [{ from, to, text: `${space}${inline(after, node)}${end}` }];
  }

  #fields(map: YAMLMap, before: Fields, after: Fields): readonly Splice[] | undefined {
    const pairs = map.items as readonly Pair<Node, Node | null>[];
    const names = pairs.map(({ key }) => (isScalar(key) ? String(key.value) : undefined));
    const places = pairs.map(placeOf);
    if (names.includes(undefined) || places.includes(undefined)) return undefined;
    const kept = pairs.flatMap((pair, at) => {
      const name = names[at] ?? '';
      return Object.hasOwn(after, name) ? [this.#field(pair, before[name], after[name])] : [];
    });
    const removed = new Set(names.flatMap((name, at) => (Object.hasOwn(after, name ?? '') ? [] : [at])));
    const added = Object.entries(after).filter(([name]) => !Object.hasOwn(before, name));
    const lines = added.map(([name, value]) =>
      isFlow(map) ? inlineText({ [name]: value }).slice(1, -1) : blockText({ [name]: value }),
    );
    return this.#joined(map, places as readonly Entry[], kept, {
      removed,
      added: new Map([[pairs.length, lines]]),
    });
  }

  #field({ key, value }: Pair<Node, Node | null>, before: unknown, after: unknown) {
    if (sameValue(before, after)) return [];
    if (value === null) return undefined;
    return this.value(value, before, after) ?? this.#wholeBlock(key, value, after);
  }

  /** A block below its key becomes a value beside the key; comments between them stay. */
  #wholeBlock(key: Node, value: Node, after: unknown): readonly Splice[] | undefined {
    if (!isBlock(value) || !key.range || !value.range) return undefined;
    const colon = this.#text.indexOf(':', key.range[1]);
    const from = startOfLine(this.#text, value.range[0]);
    if (colon === -1 || colon >= from) return undefined;
    return [
      { from: colon + 1, to: colon + 1, text: ` ${inlineText(after)}` },
      { from, to: endOfLine(this.#text, endOf(value)), text: '' },
    ];
  }

  #items(seq: YAMLSeq, before: readonly unknown[], after: readonly unknown[]): readonly Splice[] | undefined {
    const nodes = seq.items as readonly Node[];
    const places = nodes.map((node) => (node.range ? { from: node.range[0], to: endOf(node) } : undefined));
    if (places.includes(undefined)) return undefined;
    const { changed, removed, added } = alignItems(before, after);
    const kept = changed.map(([from, to]) => {
      const node = nodes[from];
      return node === undefined ? undefined : this.value(node, before[from], after[to]);
    });
    const texts = new Map(
      [...added].map(([at, items]) => [
        at,
        items.map((item) => (isFlow(seq) ? inlineText(item) : blockText([item]))),
      ]),
    );
    return this.#joined(seq, places as readonly Entry[], kept, { removed, added: texts });
  }

  #joined(
    node: YAMLMap | YAMLSeq,
    entries: readonly Entry[],
    kept: readonly (readonly Splice[] | undefined)[],
    { removed, added }: Changes,
  ): readonly Splice[] | undefined {
    const place = { text: this.#text, newline: this.#newline, entries, isFlow: isFlow(node) };
    const own = editEntries(place, removed, added);
    if (own === undefined || kept.includes(undefined)) return undefined;
    return [...kept.flatMap((splices) => splices ?? []), ...own];
  }
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isItems(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether there is a field that new ones can stand beside. */
function keepsSome(map: YAMLMap, before: Fields, after: Fields): boolean {
  const names = Object.keys(after);
  return isFlow(map) ? names.some((name) => Object.hasOwn(before, name)) : names.length > 0;
}

function isFlow(node: Node): boolean {
  return (isMap(node) || isSeq(node)) && node.flow === true;
}

function isBlock(node: Node): boolean {
  return (isMap(node) || isSeq(node)) && node.flow !== true;
}

function placeOf({ key, value }: Pair<Node, Node | null>): Entry | undefined {
  if (!key.range) return undefined;
  return { from: key.range[0], to: value === null ? key.range[1] : endOf(value) };
}

/** Of the text of a node, without comments behind it. */
function endOf(node: Node): number {
  const start = node.range?.[1] ?? 0;
  if (!isBlock(node)) return start;
  const last = (node as YAMLMap | YAMLSeq).items.at(-1) as Node | Pair<Node, Node | null> | undefined;
  if (last === undefined) return start;
  return 'key' in last ? (placeOf(last)?.to ?? start) : endOf(last);
}

/** In the quotes of its predecessor. */
function inline(value: unknown, former: Node): string {
  if (typeof value !== 'string' || !isScalar(former)) return inlineText(value);
  if (former.type === 'QUOTE_DOUBLE') return JSON.stringify(value);
  const isPlainInQuotes = former.type === 'QUOTE_SINGLE' && /^[\x20-\x7e]*$/.test(value);
  return isPlainInQuotes ? `'${value.replaceAll("'", "''")}'` : inlineText(value);
}

/** On one line. */
function inlineText(value: unknown): string {
  if (typeof value === 'string' && /[\r\n]/.test(value)) return JSON.stringify(value);
  return dump(value, { flowLevel: 0, lineWidth: -1, noRefs: true }).trimEnd();
}

function blockText(value: unknown): string {
  return dump(value, { lineWidth: 110, noRefs: true }).trimEnd();
}
