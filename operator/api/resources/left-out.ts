// Which fields a client left out of a policy, although the API server stores a default for each: answers leave them
// out, too, since a client that gets back more than it set plans a change for ever. Kept in an annotation.
import { isDeepStrictEqual } from 'node:util';
import { LEFT_OUT } from '../../model/access-annotations.ts';
import { parseObject } from '../../model/parse-object.ts';
import type { StoredObject } from '../store/object-store.ts';
import { isObject } from './rest-names.ts';

/** Annotations of an object have at most 256 KiB; beyond this answers show the defaults. */
const MAX_BYTES = 100_000;

/** Path with "[]" for each list -> positions in those lists, such as "3" or "3.0". */
type LeftOut = ReadonlyMap<string, ReadonlySet<string>>;

/** The object with its note; without one where nothing was left out. */
export function noteLeftOut(object: StoredObject): StoredObject {
  const found = new Map<string, string[]>();
  collect(object['spec'], readSpec(object), { path: '', positions: [] }, found);
  const note = JSON.stringify(Object.fromEntries(found));
  const { [LEFT_OUT]: _former, ...annotations } = object.metadata.annotations ?? {};
  const noted = found.size > 0 && note.length <= MAX_BYTES ? { [LEFT_OUT]: note } : {};
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, ...noted } } };
}

/** The spec as it was set. What was changed otherwise since then stays where leaving it out would change its meaning. */
export function specAsSet(stored: StoredObject): unknown {
  const { spec } = stored;
  const note = parseNote(stored.metadata.annotations?.[LEFT_OUT]);
  if (note === undefined) return spec;
  const trimmed = without(spec, { path: '', positions: [] }, note);
  return isDeepStrictEqual(readSpec({ ...stored, spec: trimmed }), readSpec(stored)) ? trimmed : spec;
}

/** With all defaults; undefined where it cannot be read. */
function readSpec(object: StoredObject): unknown {
  const parsed = parseObject(object);
  return parsed.status === 'parsed' && 'spec' in parsed.object ? parsed.object.spec : undefined;
}

interface Spot {
  readonly path: string;
  readonly positions: readonly number[];
}

/** Fields that are in the whole value and were not in the one that was set. */
function collect(set: unknown, whole: unknown, spot: Spot, found: Map<string, string[]>): void {
  if (Array.isArray(set) && Array.isArray(whole)) {
    for (const [at, item] of set.entries()) collect(item, whole[at], intoList(spot, at), found);
    return;
  }
  if (!isObject(set) || !isObject(whole)) return;
  for (const [key, value] of Object.entries(whole)) {
    const inner = intoField(spot, key);
    if (key in set) collect(set[key], value, inner, found);
    else if (value !== undefined) {
      const places = found.get(inner.path) ?? [];
      places.push(inner.positions.join('.'));
      found.set(inner.path, places);
    }
  }
}

function without(value: unknown, spot: Spot, note: LeftOut): unknown {
  if (Array.isArray(value)) return value.map((item, at) => without(item, intoList(spot, at), note));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => {
    const { path, positions } = intoField(spot, key);
    return note.get(path)?.has(positions.join('.')) !== true;
  });
  return Object.fromEntries(kept.map(([key, inner]) => [key, without(inner, intoField(spot, key), note)]));
}

function intoList({ path, positions }: Spot, at: number): Spot {
  return { path: `${path}[]`, positions: [...positions, at] };
}

function intoField({ path, positions }: Spot, key: string): Spot {
  return { path: path === '' ? key : `${path}.${key}`, positions };
}

function parseNote(text: string | undefined): LeftOut | undefined {
  try {
    const note: unknown = JSON.parse(text ?? 'null');
    if (!isObject(note)) return undefined;
    return new Map(
      Object.entries(note).map(([path, positions]) => [
        path,
        new Set(Array.isArray(positions) ? positions.map(String) : []),
      ]),
    );
  } catch {
    return undefined;
  }
}
