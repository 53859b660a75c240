// The text of one YAML file -> the objects in it and every Problem with its line. Never throws.
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  visit,
} from 'yaml';
import { type ObjectProblem, type ParsedObject, parseObject } from '../model/parse-object.ts';
import type { Problem } from '../model/problem.ts';
import type { ObjectKey, ObservedObject } from '../model/snapshot.ts';

export interface ParsedFile {
  readonly objects: readonly LocatedObject[];
  readonly unreadable: readonly ObjectKey[];
  readonly problems: readonly Problem[];
  /** Set where nobody can know which objects the file holds: it is no YAML, or has an object without a known name. */
  readonly broken: boolean;
}

export interface LocatedObject {
  readonly object: ObservedObject;
  readonly line: number;
}

/** Many entries may share their ports through one anchor. */
const MAX_ALIAS_COUNT = 10_000;

export function parseYamlFile(file: string, text: string): ParsedFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  // An empty stream comes back as an empty list with extra members; a file being written is empty for a moment.
  if (!Array.isArray(documents) || documents.length === 0 || text.trim() === '')
    return brokenFile(file, 1, 'the file is empty');
  const [fault] = documents.flatMap(faultsOf);
  if (fault !== undefined) return brokenFile(file, lines.linePos(fault.offset).line, fault.detail);
  const parsed = documents.flatMap((document) => parseDocument(document, file, lines));
  return {
    objects: parsed.flatMap((entry) => entry.objects),
    unreadable: parsed.flatMap((entry) => entry.unreadable),
    problems: parsed.flatMap((entry) => entry.problems),
    broken: parsed.some((entry) => entry.broken),
  };
}

interface Fault {
  readonly offset: number;
  readonly detail: string;
}

/** What makes a document unreadable as YAML. An alias of nothing is, nearly always, a wildcard without its quotes. */
function faultsOf(document: Document.Parsed): readonly Fault[] {
  const faults = document.errors.map(({ code, message, pos: [offset] }): Fault => {
    return { offset, detail: code === 'BAD_ALIAS' ? quotesNeeded('*') : message };
  });
  if (faults.length > 0) return faults;
  const aliases: Fault[] = [];
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) !== undefined) return;
      aliases.push({ offset: alias.range?.[0] ?? 0, detail: quotesNeeded(`*${alias.source}`) });
    },
  });
  return aliases;
}

function quotesNeeded(text: string): string {
  return `a value that begins with "*" needs quotes, "${text}"`;
}

function brokenFile(file: string, line: number, detail: string): ParsedFile {
  const message = `Cannot read YAML: ${detail}; correct the file, until then its last good objects stay`;
  return {
    objects: [],
    unreadable: [],
    problems: [{ reason: 'SyntaxError', message, file, line }],
    broken: true,
  };
}

function parseDocument(document: Document.Parsed, file: string, lines: LineCounter): readonly ParsedFile[] {
  const value = valueOf(document);
  if (value instanceof Error) return [brokenFile(file, lineAt(document, [], lines), value.message)];
  if (value === null || value === undefined) return [];
  const items = itemsOfList(value);
  const entries = items?.map((item, at) => ({ value: item, path: ['items', at] })) ?? [{ value, path: [] }];
  return entries.map(({ value: item, path }) => {
    const lineOf = (below: readonly PropertyKey[]): number => lineAt(document, [...path, ...below], lines);
    return locate(parseObject(item), file, lineOf);
  });
}

/** The library throws where aliases multiply beyond measure. */
function valueOf(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** `kubectl get -o yaml` writes several objects as one List. */
function itemsOfList(value: unknown): readonly unknown[] | undefined {
  const list = value as { kind?: unknown; items?: unknown };
  return list.kind === 'List' && Array.isArray(list.items) ? list.items : undefined;
}

function locate(
  parsed: ParsedObject,
  file: string,
  lineOf: (path: readonly PropertyKey[]) => number,
): ParsedFile {
  switch (parsed.status) {
    case 'foreign':
      return { objects: [], unreadable: [], problems: [], broken: false };
    case 'parsed':
      return {
        objects: [{ object: parsed.object, line: lineOf([]) }],
        unreadable: [],
        problems: [],
        broken: false,
      };
    case 'unreadable': {
      const problems = parsed.problems.map(({ path, ...problem }: ObjectProblem) => ({
        ...problem,
        file,
        line: lineOf(path),
      }));
      const { key } = parsed;
      return { objects: [], unreadable: key === undefined ? [] : [key], problems, broken: key === undefined };
    }
  }
}

/** 1-based line of the deepest part of the path that exists in the text. */
function lineAt(document: Document.Parsed, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const offset = offsetOf(document, path.slice(0, depth));
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return lines.linePos(document.contents?.range[0] ?? 0).line;
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last);
    return (pair?.key as ParsedNode | undefined)?.range[0];
  }
  const node = document.getIn(path, true) as ParsedNode | undefined;
  return node?.range?.[0];
}
