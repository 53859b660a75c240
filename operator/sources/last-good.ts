// Fail static for the known, fail closed for the unknown: an object that was understood once and no longer is keeps
// its last good version; one that never was is reported as unreadable, and what depends on it is denied.
import type { Problem } from '../model/problem.ts';
import { formatKey, keyOf, type ObjectKey, type ObservedObject, type Snapshot } from '../model/snapshot.ts';
import type { LocatedObject, ParsedFile } from './yaml-file.ts';

/** What was understood last, by key, with the file that it stood in. */
export type LastGood = ReadonlyMap<string, { readonly object: ObservedObject; readonly file: string }>;

export interface Merged {
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
  readonly lastGood: LastGood;
}

export function mergeFiles(files: ReadonlyMap<string, ParsedFile>, lastGood: LastGood): Merged {
  const places = placesByKey(files);
  const unique = [...places].flatMap(([key, [first, ...others]]) =>
    first === undefined || others.length > 0
      ? []
      : [[key, { object: first.object, file: first.file }] as const],
  );
  const current = new Map(unique);
  const duplicated = [...places.values()].filter((found) => found.length > 1);
  const unreadable = [
    ...[...files.values()].flatMap((parsed) => parsed.unreadable),
    ...duplicated.flatMap(([first]) => (first === undefined ? [] : [keyOf(first.object)])),
  ];
  const kept = keepLastGood(files, lastGood, unreadable);
  const good = new Map([...kept, ...current]);
  return {
    snapshot: {
      objects: [...good.values()].map(({ object }) => object),
      unreadable: unreadable.filter((key) => !good.has(formatKey(key))),
    },
    problems: [
      ...[...files.values()].flatMap((parsed) => parsed.problems),
      ...duplicated.map(duplicateProblem),
    ],
    lastGood: good,
  };
}

type Place = LocatedObject & { readonly file: string };

function placesByKey(files: ReadonlyMap<string, ParsedFile>): ReadonlyMap<string, readonly Place[]> {
  const places = [...files].flatMap(([file, parsed]) =>
    parsed.objects.map((located) => ({ ...located, file })),
  );
  return Map.groupBy(places, ({ object }) => formatKey(keyOf(object)));
}

/** Known objects that cannot be understood now, and all of a file that is no YAML now. */
function keepLastGood(
  files: ReadonlyMap<string, ParsedFile>,
  lastGood: LastGood,
  unreadable: readonly ObjectKey[],
): LastGood {
  const unreadableKeys = new Set(unreadable.map(formatKey));
  const isKept = (key: string, file: string): boolean =>
    unreadableKeys.has(key) || files.get(file)?.broken === true;
  return new Map([...lastGood].filter(([key, { file }]) => isKept(key, file)));
}

function duplicateProblem(places: readonly Place[]): Problem {
  const [first, second] = places;
  const object = first === undefined ? '' : formatKey(keyOf(first.object));
  const message = `Cannot accept two objects of one name: the other is in ${first?.file}:${first?.line}; remove one, until then the last good version stays`;
  return {
    reason: 'DuplicateObject',
    message,
    object,
    ...(second === undefined ? {} : { file: second.file, line: second.line }),
  };
}
