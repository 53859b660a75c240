// The text of one YAML file -> the objects in it and every Problem with its line. Never throws.
import { CORE_SCHEMA, constructFromEvents, parseEvents, YAMLException } from 'js-yaml';
import { type ObjectProblem, type ParsedObject, parseObject } from '../model/parse-object.ts';
import type { Problem } from '../model/problem.ts';
import type { ObjectKey, ObservedObject } from '../model/snapshot.ts';
import { type LineOf, lineFinder } from './yaml-lines.ts';

export interface ParsedFile {
  readonly objects: readonly LocatedObject[];
  readonly unreadable: readonly ObjectKey[];
  readonly problems: readonly Problem[];
  /** Set where the objects of the file are unknown: it is not YAML, or has an object without a known name. */
  readonly broken: boolean;
}

export interface LocatedObject {
  readonly object: ObservedObject;
  /** 1-based; computed on demand. */
  readonly line: () => number;
}

/** Many entries may share their ports through one anchor. */
const MAX_ALIASES = 10_000;
/** More would keep the parser, and a reader of its Problems, busy for too long. */
const MAX_DOCUMENTS = 5000;
const MAX_PROBLEMS = 100;

export function parseYamlFile(file: string, text: string): ParsedFile {
  const stream = readStream(text);
  if ('detail' in stream) return brokenFile(file, stream.line, stream.detail);
  // A file that is being written is empty for a moment.
  if (text.trim() === '') return brokenFile(file, 1, 'the file is empty');
  if (stream.documents.length > MAX_DOCUMENTS) {
    return brokenFile(file, 1, `the file has more than ${MAX_DOCUMENTS} documents; split it`);
  }
  const parsed = stream.documents.flatMap((value, at) => parseDocument(value, at, file, stream.lineOf));
  return {
    objects: parsed.flatMap((entry) => entry.objects),
    unreadable: parsed.flatMap((entry) => entry.unreadable),
    problems: firstProblems(
      file,
      parsed.flatMap((entry) => entry.problems),
    ),
    broken: parsed.some((entry) => entry.broken),
  };
}

function firstProblems(file: string, problems: readonly Problem[]): readonly Problem[] {
  const more = problems.length - MAX_PROBLEMS;
  if (more <= 0) return problems;
  const message = `Cannot show ${more} further problems of this file: correct those before`;
  return [...problems.slice(0, MAX_PROBLEMS), { reason: 'InvalidValue', message, file }];
}

type Stream =
  | { readonly documents: readonly unknown[]; readonly lineOf: LineOf }
  | { readonly line: number; readonly detail: string };

/** YAML 1.2 core: times stay text, "yes" is a word, and nothing constructs code. */
function readStream(text: string): Stream {
  try {
    const events = parseEvents(text, {});
    const documents = constructFromEvents(events, {
      source: text,
      schema: CORE_SCHEMA,
      maxAliases: MAX_ALIASES,
    });
    return { documents, lineOf: lineFinder(events, text) };
  } catch (error) {
    if (!(error instanceof YAMLException)) return { line: 1, detail: String(error) };
    return { line: (error.mark?.line ?? 0) + 1, detail: detailOf(error.reason) };
  }
}

/** An unknown alias is nearly always a wildcard without quotes. */
function detailOf(reason: string): string {
  const [, alias] = /^unidentified alias "(.*)"$/.exec(reason) ?? [];
  if (alias !== undefined) return quotesNeeded(`*${alias}`);
  return reason.startsWith('name of an alias node') ? quotesNeeded('*') : reason;
}

function quotesNeeded(text: string): string {
  return `a value that begins with "*" needs quotes, "${text}"`;
}

function brokenFile(file: string, line: number, detail: string): ParsedFile {
  const message = `Cannot read YAML: ${detail}; correct the file; until then what this run has read of it last stays in force, and what it never read is denied`;
  return {
    objects: [],
    unreadable: [],
    problems: [{ reason: 'SyntaxError', message, file, line }],
    broken: true,
  };
}

/** The Problem of an unreadable entry of the folder; `fault` says why and what to do. */
export function unreadableFile(
  file: string,
  fault: string,
  { broken }: Pick<ParsedFile, 'broken'>,
): ParsedFile {
  const consequence = broken
    ? '; until then what this run has read of it last stays in force, and what it never read is denied'
    : '';
  const message = `Cannot read file: ${fault}${consequence}`;
  return { objects: [], unreadable: [], problems: [{ reason: 'FileUnreadable', message, file }], broken };
}

function parseDocument(
  value: unknown,
  document: number,
  file: string,
  lineOf: LineOf,
): readonly ParsedFile[] {
  if (value === null || value === undefined) return [];
  const items = itemsOfList(value);
  const entries = items?.map((item, at) => ({ value: item, path: ['items', at] })) ?? [{ value, path: [] }];
  return entries.map(({ value: item, path }) =>
    locate(parseObject(item), file, (below) => lineOf([document, ...path, ...below])),
  );
}

/** `kubectl get -o yaml` writes several objects as one List. */
export function itemsOfList(value: unknown): readonly unknown[] | undefined {
  const list = value as { kind?: unknown; items?: unknown };
  return list.kind === 'List' && Array.isArray(list.items) ? list.items : undefined;
}

function locate(parsed: ParsedObject, file: string, lineOf: LineOf): ParsedFile {
  switch (parsed.status) {
    case 'foreign':
      return { objects: [], unreadable: [], problems: [], broken: false };
    case 'parsed':
      return {
        objects: [{ object: parsed.object, line: () => lineOf([]) }],
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
