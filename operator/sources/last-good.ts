// Fail static for the known, fail closed for the unknown: an object that was parsed once and can no longer be is
// replaced by its last good version; one that never was is reported as unreadable, and what depends on it is denied.
import type { Problem } from '../model/problem.ts';
import { formatKey, keyOf, type ObjectKey, type ObservedObject, type Snapshot } from '../model/snapshot.ts';
import type { LocatedObject, ParsedFile } from './yaml-file.ts';

/** Results of former readings. */
export interface LastGood {
  /** Last good objects by key, with their file. */
  readonly objects: ReadonlyMap<string, { readonly object: ObservedObject; readonly file: string }>;
  /** Workspaces that certainly have no assignment: every file was readable when they had none. */
  readonly unassigned: ReadonlySet<string>;
  /** Files whose content was known once. */
  readonly knownFiles: ReadonlySet<string>;
}

export const NOTHING_KNOWN: LastGood = { objects: new Map(), unassigned: new Set(), knownFiles: new Set() };

export interface Merged {
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
  readonly lastGood: LastGood;
}

type Files = ReadonlyMap<string, ParsedFile>;

export function mergeFiles(files: Files, lastGood: LastGood): Merged {
  const parsedFiles = [...files.values()];
  const places = placesByKey(files);
  const duplicated = [...places.values()].filter((found) => found.length > 1);
  const unreadable = [
    ...parsedFiles.flatMap((parsed) => parsed.unreadable),
    ...duplicated.flatMap(([first]) => (first === undefined ? [] : [keyOf(first.object)])),
  ];
  const unreadableKeys = new Set(unreadable.map(formatKey));
  const current = [...places].flatMap(([key, [first]]) =>
    first === undefined || unreadableKeys.has(key) ? [] : [[key, first] as const],
  );
  const kept = keepLastGood(files, lastGood, unreadableKeys);
  const objects = new Map([...kept, ...current]);
  const missing = unreadable.filter((key) => !objects.has(formatKey(key)));
  const unassigned = workspacesWithoutAssignment(objects, missing);
  // A file that cannot be read may hold the assignment; only workspaces without one before are known to have none.
  const isCertain = (name: string): boolean =>
    !parsedFiles.some(({ broken }) => broken) || lastGood.unassigned.has(name);
  const doubtful = unassigned.filter((name) => !isCertain(name));
  const unknownFiles = [...files].filter(([file, { broken }]) => broken && !lastGood.knownFiles.has(file));
  return {
    snapshot: {
      objects: [...objects.values()].map(({ object }) => object),
      unreadable: [...missing, ...doubtful.map(assignmentKey)],
      ...(unknownFiles.length === 0 ? {} : { isIncomplete: true }),
    },
    problems: [
      ...parsedFiles.flatMap((parsed) => parsed.problems.map((problem) => withWhatStays(problem, kept))),
      ...duplicated.map(duplicateProblem),
      ...doubtful.map(doubtProblem),
    ],
    lastGood: {
      objects,
      unassigned: new Set(unassigned.filter(isCertain)),
      knownFiles: new Set([...files.keys()].filter((file) => !unknownFiles.some(([name]) => name === file))),
    },
  };
}

type Place = LocatedObject & { readonly file: string };

function placesByKey(files: Files): ReadonlyMap<string, readonly Place[]> {
  const places = [...files].flatMap(([file, parsed]) =>
    parsed.objects.map((located) => ({ ...located, file })),
  );
  return Map.groupBy(places, ({ object }) => formatKey(keyOf(object)));
}

/** Known objects that cannot be parsed now, and all objects of a file whose content is unknown now. */
function keepLastGood(
  files: Files,
  { objects }: LastGood,
  unreadableKeys: ReadonlySet<string>,
): LastGood['objects'] {
  const isKept = (key: string, file: string): boolean =>
    unreadableKeys.has(key) || files.get(file)?.broken === true;
  return new Map([...objects].filter(([key, { file }]) => isKept(key, file)));
}

/** A certificate that can no longer be used is the only thing of its Secret, so one sentence says it all. */
function withWhatStays(problem: Problem, kept: LastGood['objects']): Problem {
  const stays = problem.object === undefined ? undefined : kept.get(problem.object);
  if (stays?.object.kind !== 'Secret') return problem;
  return { ...problem, message: `${problem.message}; until then its last certificate stays in force` };
}

function workspacesWithoutAssignment(
  objects: LastGood['objects'],
  unreadable: readonly ObjectKey[],
): readonly string[] {
  const unreadableKeys = new Set(unreadable.map(formatKey));
  return [...objects.values()]
    .filter(({ object }) => object.kind === 'Workspace')
    .map(({ object }) => object.metadata.name)
    .filter((name) => {
      const key = formatKey(assignmentKey(name));
      return !objects.has(key) && !unreadableKeys.has(key);
    });
}

/** A PolicyAssignment is named after its workspace. */
function assignmentKey(workspace: string): ObjectKey {
  return { kind: 'PolicyAssignment', name: workspace, namespace: '' };
}

function duplicateProblem(places: readonly Place[]): Problem {
  const [first, second] = places;
  const object = first === undefined ? '' : formatKey(keyOf(first.object));
  const message = `Cannot accept two objects of one name: the other is in ${first?.file}:${first?.line()}; remove one, until then the last good version stays`;
  return {
    reason: 'DuplicateObject',
    message,
    object,
    ...(second === undefined ? {} : { file: second.file, line: second.line() }),
  };
}

function doubtProblem(workspace: string): Problem {
  const message = `Cannot decide which policy applies: an unreadable file may contain PolicyAssignment "${workspace}"; until it is corrected this workspace reaches nothing`;
  return { reason: 'NetworkPolicyUnreadable', message, object: `Workspace/${workspace}` };
}
