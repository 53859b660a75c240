// A folder of YAML, as `kubectl apply -f` takes it -> a Snapshot, again whenever the folder changes. Files are read
// whole each time and parsed only where their text changed. Objects that disappear with the folder, or all at once,
// stay in force; an unreadable entry affects only its own objects.
import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from '../model/problem.ts';
import { compareText, EMPTY_SNAPSHOT, type Snapshot } from '../model/snapshot.ts';
import { type FileReading, readFolderFile, unreadable } from './folder-file.ts';
import { type LastGood, mergeFiles, NOTHING_KNOWN } from './last-good.ts';
import { type ParsedFile, parseYamlFile, unreadableFile } from './yaml-file.ts';

export interface FolderReading {
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
}

interface KnownEntry {
  readonly reading: FileReading;
  readonly parsed: ParsedFile;
}

type KnownEntries = ReadonlyMap<string, KnownEntry>;

/** Of a folder whose names change while it is read; the last listing is taken as it is. */
const MAX_LISTINGS = 5;
const OPEN_FILES = 32;
const YAML_FILE = /^[^.].*\.(?:ya?ml|json)$/is;

/** Whether a file of this name belongs to the folder; hidden ones belong to editors. */
export function isFolderFile(name: string): boolean {
  return YAML_FILE.test(name);
}
/** And the "..data" of a mounted ConfigMap; not a temporary file that is renamed into place. */
const NEWS = /\.(?:ya?ml|json)$|^\.\./i;

export class FolderSource {
  readonly #folder: string;
  readonly #onChange: (() => void) | undefined;
  #known: KnownEntries = new Map();
  #lastGood: LastGood = NOTHING_KNOWN;
  #snapshot: Snapshot = EMPTY_SNAPSHOT;
  #reading: FolderReading | undefined;
  #watched: { readonly identity: string; readonly watcher: FSWatcher } | undefined;
  #watchProblem: Problem | undefined;

  /** `onChange` may be called often, late or not at all: the caller also polls. Without it nothing is watched. */
  constructor(folder: string, onChange?: () => void) {
    this.#folder = folder;
    this.#onChange = onChange;
  }

  /**
   * Never throws: a folder that cannot be read is a Problem, and the last snapshot stays. An unreadable entry is a
   * Problem, too, and all others apply. The result is the very same object as before where no text has changed, so that
   * results computed from it are reused.
   */
  async read(): Promise<FolderReading> {
    const [before, watchProblem] = [this.#known, this.#watchProblem];
    try {
      await this.#watch();
      this.#known = await this.#readEntries();
    } catch (error) {
      return {
        snapshot: this.#snapshot,
        problems: [unreadableProblem(this.#folder, error, this.#hasObjects())],
      };
    }
    const faults = [...this.#known.values()].flatMap(({ parsed }) => parsed.problems);
    if (![...this.#known.values()].some(({ reading }) => mayHoldObjects(reading))) {
      return {
        snapshot: this.#snapshot,
        problems: [...faults, emptyProblem(this.#folder, this.#hasObjects())],
      };
    }
    const isSame = haveSameTexts(before, this.#known) && this.#watchProblem === watchProblem;
    if (this.#reading !== undefined && isSame) return this.#reading;
    const files = new Map([...this.#known].map(([name, { parsed }]) => [name, parsed]));
    const merged = mergeFiles(files, this.#lastGood);
    this.#lastGood = merged.lastGood;
    this.#snapshot = merged.snapshot;
    const watching = this.#watchProblem === undefined ? [] : [this.#watchProblem];
    this.#reading = { snapshot: merged.snapshot, problems: [...merged.problems, ...watching] };
    return this.#reading;
  }

  close(): void {
    this.#watched?.watcher.close();
    this.#watched = undefined;
  }

  #hasObjects(): boolean {
    return this.#snapshot.objects.length > 0;
  }

  /**
   * Watches the current folder; a recreated one needs a new watch. Throws where there is none; one that cannot be
   * watched can still be read.
   */
  async #watch(): Promise<void> {
    const { ino, birthtimeMs } = await stat(this.#folder);
    // A new folder often gets the inode number of the deleted one.
    const identity = `${ino} ${birthtimeMs}`;
    const onChange = this.#onChange;
    if (onChange === undefined || this.#watched?.identity === identity) return;
    this.close();
    try {
      const watcher = watch(this.#folder, (_event, name) => {
        if (name === null || NEWS.test(name)) onChange();
      });
      watcher.on('error', () => this.close());
      this.#watched = { identity, watcher };
      this.#watchProblem = undefined;
    } catch (error) {
      this.#watchProblem ??= unwatchedProblem(this.#folder, error as Error);
    }
  }

  /** Listed again where a name came or went meanwhile: a renamed file must not seem deleted. */
  async #readEntries(): Promise<KnownEntries> {
    let names = await yamlNames(this.#folder);
    for (let listing = 1; ; listing += 1) {
      const entries = await this.#readListed(names);
      const now = await yamlNames(this.#folder);
      if (now.join('/') === names.join('/') && entries.size === names.length) return entries;
      if (listing === MAX_LISTINGS) return this.#withDoubtful(entries, names);
      names = now;
    }
  }

  /** Without those that are gone. */
  async #readListed(names: readonly string[]): Promise<KnownEntries> {
    const entries = new Map<string, KnownEntry>();
    for (let at = 0; at < names.length; at += OPEN_FILES) {
      const some = names.slice(at, at + OPEN_FILES);
      const read = await Promise.all(some.map((name) => this.#readEntry(name)));
      for (const [index, name] of some.entries()) {
        const reading = read[index];
        if (reading !== undefined) entries.set(name, parsedEntry(name, reading, this.#known.get(name)));
      }
    }
    return entries;
  }

  /** The state of files that existed before, or a moment ago, and were not found is unknown. */
  #withDoubtful(entries: KnownEntries, names: readonly string[]): KnownEntries {
    const missing = [...this.#known.keys(), ...names].filter((name) => !entries.has(name));
    const doubtful = missing.map((name) => {
      return [name, parsedEntry(name, unreadable(COMES_AND_GOES), this.#known.get(name))] as const;
    });
    return new Map([...entries, ...doubtful]);
  }

  async #readEntry(name: string): Promise<FileReading | undefined> {
    if (name.includes('\ufffd')) return unreadable('its name is not UTF-8; rename it');
    const known = this.#known.get(name)?.reading;
    return await readFolderFile(
      join(this.#folder, name),
      known !== undefined && 'text' in known ? known.inode : undefined,
    );
  }
}

const COMES_AND_GOES = 'it appears and disappears while it is read; write it once';

function parsedEntry(name: string, reading: FileReading, known: KnownEntry | undefined): KnownEntry {
  if (known !== undefined && isSameReading(known.reading, reading)) return { reading, parsed: known.parsed };
  if ('text' in reading) return { reading, parsed: parseYamlFile(name, reading.text) };
  // A directory may have replaced a file, whose objects are not known to be gone.
  const wasBroken = known?.parsed.broken === true || (known !== undefined && 'text' in known.reading);
  return {
    reading,
    parsed: unreadableFile(name, reading.fault, { broken: reading.mayHoldObjects || wasBroken }),
  };
}

function isSameReading(a: FileReading, b: FileReading): boolean {
  return 'text' in a ? 'text' in b && a.text === b.text : 'fault' in b && a.fault === b.fault;
}

function mayHoldObjects(reading: FileReading): boolean {
  return 'text' in reading || reading.mayHoldObjects;
}

/** In order; a name that is not UTF-8 has a replacement character in it. */
async function yamlNames(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter(isFolderFile).toSorted(compareText);
}

/** Reads a folder once. Throws, with the sentence for the user, where there is no folder to read. */
export async function readFolder(folder: string): Promise<FolderReading> {
  const source = new FolderSource(folder);
  const reading = await source.read();
  source.close();
  throwIfUnreadable(reading);
  return reading;
}

/** A folder that is missing at the start is a typing error; one that disappears later comes back. */
export function throwIfUnreadable({ problems }: FolderReading): void {
  const problem = problems.find(({ reason }) => reason === 'FolderUnreadable');
  if (problem !== undefined) throw new Error(problem.message);
}

function haveSameTexts(before: KnownEntries, now: KnownEntries): boolean {
  return (
    before.size === now.size && [...now].every(([name, { parsed }]) => before.get(name)?.parsed === parsed)
  );
}

function unreadableProblem(folder: string, error: unknown, hasObjects: boolean): Problem {
  const advice = hasObjects
    ? 'the last configuration stays in force until it is back'
    : 'name a folder of YAML, for example "examples/acme"';
  return {
    reason: 'FolderUnreadable',
    message: `Cannot read folder "${folder}": ${detailOf(folder, error)}; ${advice}`,
  };
}

function unwatchedProblem(folder: string, { message }: Error): Problem {
  const advice =
    'its changes are found a little later; raise "fs.inotify.max_user_watches" or "fs.inotify.max_user_instances"';
  return { reason: 'FolderUnwatched', message: `Cannot watch folder "${folder}": ${message}; ${advice}` };
}

function detailOf(folder: string, error: unknown): string {
  const { code, message, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path === folder) return 'it does not exist';
  return code === 'ENOTDIR' ? 'it is a file' : message;
}

function emptyProblem(folder: string, hasObjects: boolean): Problem {
  const advice = hasObjects
    ? 'the last configuration stays in force until there is one; to take everything down, end the command'
    : 'put objects of sallyport.dev and Namespaces there, for example from "examples/acme"';
  return { reason: 'FolderEmpty', message: `Cannot find any YAML file in folder "${folder}": ${advice}` };
}
