// Text -> JSON value, where no key stands twice in one object: of two readers one would take the first and the other
// the last. Never throws.
import { isUtf8 } from 'node:buffer';

export type ParsedJson = { readonly value: unknown } | { readonly fault: string };

const STRING = /"(?:[^"\\]|\\.)*"/y;
const NEXT = /[^{}[\],:"]*/y;
/** Far deeper than any body of ours; a deeper one could exhaust the stack of whoever walks it. */
const DEEPEST = 64;

export function parseStrictJson(bytes: Buffer): ParsedJson {
  if (!isUtf8(bytes)) return { fault: 'it is not UTF-8' };
  const text = bytes.toString('utf8');
  const fault = faultOfStructure(text);
  try {
    const value: unknown = JSON.parse(text);
    return fault === undefined ? { value } : { fault };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

/** Keys of each open object; undefined for a list. */
type Open = Set<string> | undefined;

/** Of text that JSON.parse() accepts; of other text something, without an error. */
function faultOfStructure(text: string): string | undefined {
  const open: Open[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; ) {
    at += matchAt(NEXT, text, at).length;
    const character = text[at];
    if (character === '"') {
      const quoted = matchAt(STRING, text, at);
      const fault = isKey ? faultOfKey(quoted, open.at(-1)) : undefined;
      if (fault !== undefined) return fault;
      isKey = false;
      at += Math.max(1, quoted.length);
    } else {
      isKey = step(character, open);
      if (open.length > DEEPEST) return `it is nested more than ${DEEPEST} deep`;
      at += 1;
    }
  }
  return undefined;
}

/** Whether the next string is a key. */
function step(character: string | undefined, open: Open[]): boolean {
  if (character === '{') open.push(new Set());
  else if (character === '[') open.push(undefined);
  else if (character === '}' || character === ']') open.pop();
  return (character === '{' || character === ',') && open.at(-1) !== undefined;
}

function faultOfKey(quoted: string, keys: Open): string | undefined {
  const key = unquote(quoted);
  if (key === undefined || keys === undefined) return undefined;
  if (keys.has(key)) return `the key "${key}" stands twice in one object`;
  keys.add(key);
  return undefined;
}

function unquote(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}
