// The text of one YAML file -> its documents, each with its place in the text, so that one can be replaced or removed
// and the rest stays as it is, to the byte.
import { isDeepStrictEqual } from 'node:util';
import { CORE_SCHEMA, dump, loadAll } from 'js-yaml';
import { withoutValue, withValue } from './yaml-edit.ts';

export interface FileDocument {
  readonly value: unknown;
  /** Of its text in that of the file, without the line "---" before it. */
  readonly from: number;
  readonly to: number;
}

/** At the beginning of a line it ends a document, whatever stands before it. */
const SEPARATOR = /^---(?=[ \t\r\n]|$).*(?:\r?\n|$)/gm;
/** Without a comment. */
const LAST_SEPARATOR = /(?<=^|\n)---[ \t]*\r?\n?$/;
/** Directives and explicit ends would change what the documents beside them mean. */
const UNUSUAL = /^(?:%|\.\.\.(?:\s|$))/m;

/** Undefined where the text is no YAML, or more of it than can be edited safely. */
export function documentsOf(text: string): readonly FileDocument[] | undefined {
  try {
    const values = loadAll(text, { schema: CORE_SCHEMA });
    if (UNUSUAL.test(text)) return undefined;
    const places = placesOf(text).filter(({ from, to }) => holdsAny(text.slice(from, to)));
    const documents = values.filter((value) => value !== null && value !== undefined);
    if (places.length !== documents.length) return undefined;
    return places.map((place, at) => ({ ...place, value: documents[at] }));
  } catch {
    return undefined;
  }
}

/**
 * The text with the fields changed in which `value` differs from one document; without that document where `value` is
 * undefined. Comments stay, but those inside of what goes. Undefined where something else would change.
 */
export function withDocument(text: string, at: number, value: unknown): string | undefined {
  const documents = documentsOf(text);
  const document = documents?.[at];
  if (documents === undefined || document === undefined) return undefined;
  const changed = value === undefined ? withoutOne(text, document) : withOne(text, document, value);
  if (changed === undefined) return undefined;
  const wanted = documents.map((one) => one.value).toSpliced(at, 1, ...(value === undefined ? [] : [value]));
  const found = documentsOf(changed)?.map((one) => one.value);
  return isDeepStrictEqual(found, wanted) ? changed : undefined;
}

function withOne(text: string, { from, to, value }: FileDocument, wanted: unknown): string | undefined {
  const changed = withValue(text.slice(from, to), value, wanted);
  return changed === undefined ? undefined : `${text.slice(0, from)}${changed}${text.slice(to)}`;
}

/** Its "---" goes, too, where nothing is left behind that. */
function withoutOne(text: string, { from, to }: FileDocument): string | undefined {
  const rest = withoutValue(text.slice(from, to));
  if (rest === undefined) return undefined;
  const before = text.slice(0, from);
  return `${rest.trim() === '' ? before.replace(LAST_SEPARATOR, '') : before}${rest}${text.slice(to)}`;
}

export function yamlOf(value: unknown): string {
  return dump(value, { lineWidth: 110, noRefs: true });
}

function placesOf(text: string): readonly { readonly from: number; readonly to: number }[] {
  const separators = [...text.matchAll(SEPARATOR)];
  const starts = [0, ...separators.map((match) => match.index + match[0].length)];
  const ends = [...separators.map(({ index }) => index), text.length];
  return starts.map((from, at) => ({ from, to: ends[at] ?? text.length }));
}

/** Whether there is more than comments. */
function holdsAny(text: string): boolean {
  return text.split('\n').some((line) => !/^\s*(?:#.*)?\r?$/.test(line));
}
