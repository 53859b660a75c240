// The events of a YAML stream -> the line of each part of its documents. Computed only for Problems, so that valid
// files do not pay for it.
import {
  EVENT_ALIAS,
  EVENT_DOCUMENT,
  EVENT_MAPPING,
  EVENT_POP,
  EVENT_SCALAR,
  EVENT_SEQUENCE,
  type Event,
} from 'js-yaml';

/** Document by number from 0, then keys and indexes; returns the line (1-based) of the deepest part that exists. */
export type LineOf = (path: readonly PropertyKey[]) => number;

export function lineFinder(events: readonly Event[], source: string): LineOf {
  let offsets: ReadonlyMap<string, number> | undefined;
  let newlines: readonly number[] | undefined;
  return (path) => {
    offsets ??= nodeOffsets(events, source);
    newlines ??= newlineOffsets(source);
    const depths = path.map((_, at) => path.length - at);
    const found = depths
      .map((depth) => offsets?.get(keyOf(path.slice(0, depth))))
      .find((offset) => offset !== undefined);
    return countBelow(newlines, found ?? 0) + 1;
  };
}

function newlineOffsets(source: string): readonly number[] {
  const offsets: number[] = [];
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) offsets.push(at);
  return offsets;
}

/** How many of the ordered numbers are below the limit. */
function countBelow(ordered: readonly number[], limit: number): number {
  let [from, to] = [0, ordered.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ordered[middle] ?? limit) < limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** An open document, list or mapping; in a mapping `key` is set between a key and its value. */
interface Frame {
  readonly kind: 'document' | 'list' | 'mapping';
  readonly path: readonly PropertyKey[];
  items: number;
  key: string | undefined;
}

/** Offset of every key, list item and document. */
function nodeOffsets(events: readonly Event[], source: string): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  const open: Frame[] = [];
  let documents = 0;
  for (const event of events) {
    if (event.type === EVENT_POP) open.pop();
    else if (event.type === EVENT_DOCUMENT) {
      open.push({ kind: 'document', path: [documents], items: 0, key: undefined });
      documents += 1;
    } else {
      const path = enter(open.at(-1), event, source, offsets);
      if (event.type === EVENT_SEQUENCE) open.push({ kind: 'list', path, items: 0, key: undefined });
      if (event.type === EVENT_MAPPING) open.push({ kind: 'mapping', path, items: 0, key: undefined });
    }
  }
  return offsets;
}

type NodeEvent = Exclude<Event, { type: typeof EVENT_POP } | { type: typeof EVENT_DOCUMENT }>;

/** Path of a node in its parent; notes where it begins. A value begins where its key does. */
function enter(
  parent: Frame | undefined,
  event: NodeEvent,
  source: string,
  offsets: Map<string, number>,
): readonly PropertyKey[] {
  if (parent === undefined) return [];
  const path = parent.kind === 'document' ? parent.path : [...parent.path, partIn(parent, event, source)];
  const key = keyOf(path);
  if (!offsets.has(key)) offsets.set(key, startOf(event));
  return path;
}

function partIn(parent: Frame, event: NodeEvent, source: string): PropertyKey {
  if (parent.kind === 'list') {
    parent.items += 1;
    return parent.items - 1;
  }
  if (parent.key !== undefined) {
    const { key } = parent;
    parent.key = undefined;
    return key;
  }
  parent.key = event.type === EVENT_SCALAR ? source.slice(event.valueStart, event.valueEnd) : '';
  return parent.key;
}

function startOf(event: NodeEvent): number {
  if (event.type === EVENT_SCALAR) return event.valueStart;
  return event.type === EVENT_ALIAS ? event.anchorStart : event.start;
}

function keyOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('\n');
}
