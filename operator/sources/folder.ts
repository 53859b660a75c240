// A folder of YAML, as `kubectl apply -f` takes it -> a Snapshot, again whenever the folder changes. Files are read
// whole each time and parsed only where their text changed. What disappears with the folder, or all at once from it,
// stays in force.
import { type FSWatcher, type Stats, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Problem } from '../model/problem.ts';
import { compareText, EMPTY_SNAPSHOT, type Snapshot } from '../model/snapshot.ts';
import { type LastGood, mergeFiles, NOTHING_KNOWN } from './last-good.ts';
import { type ParsedFile, parseYamlFile } from './yaml-file.ts';

export interface FolderReading {
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
}

interface KnownFile {
  readonly inode: number;
  readonly text: string;
  readonly parsed: ParsedFile;
}

const SETTLE_MS = 15;
/** A file that is written without end is read as it is, in the end. */
const MAX_SETTLE_ROUNDS = 40;
const YAML_FILE = /\.(?:ya?ml|json)$/i;
/** And the "..data" of a mounted ConfigMap; not the file that somebody writes first, to rename it into place. */
const NEWS = /\.(?:ya?ml|json)$|^\.\./i;

export class FolderSource {
  readonly #folder: string;
  readonly #onChange: () => void;
  #known: ReadonlyMap<string, KnownFile> = new Map();
  #lastGood: LastGood = NOTHING_KNOWN;
  #snapshot: Snapshot = EMPTY_SNAPSHOT;
  #reading: FolderReading | undefined;
  #watched: { readonly identity: string; readonly watcher: FSWatcher } | undefined;

  /** `onChange` may come often, late or not at all: the caller reads at times anyway. */
  constructor(folder: string, onChange: () => void) {
    this.#folder = folder;
    this.#onChange = onChange;
  }

  /**
   * Never throws: a folder that cannot be read is a Problem, and the last snapshot stays. The answer is the very same
   * object as before where no text has changed, so that the caller need not compute anything from it again.
   */
  async read(): Promise<FolderReading> {
    const before = this.#known;
    try {
      await this.#watch();
      this.#known = await this.#readFiles();
    } catch (error) {
      return {
        snapshot: this.#snapshot,
        problems: [unreadableProblem(this.#folder, error, this.#hasObjects())],
      };
    }
    if (this.#known.size === 0) {
      return { snapshot: this.#snapshot, problems: [emptyProblem(this.#folder, this.#hasObjects())] };
    }
    if (this.#reading !== undefined && haveSameTexts(before, this.#known)) return this.#reading;
    const files = new Map([...this.#known].map(([name, { parsed }]) => [name, parsed]));
    const merged = mergeFiles(files, this.#lastGood);
    this.#lastGood = merged.lastGood;
    this.#snapshot = merged.snapshot;
    this.#reading = { snapshot: merged.snapshot, problems: merged.problems };
    return this.#reading;
  }

  close(): void {
    this.#watched?.watcher.close();
    this.#watched = undefined;
  }

  #hasObjects(): boolean {
    return this.#snapshot.objects.length > 0;
  }

  /** Watches the folder that is there now; one that was deleted and made anew is another one to the system. */
  async #watch(): Promise<void> {
    const { ino, birthtimeMs } = await stat(this.#folder);
    // A new folder often gets the number of the deleted one.
    const identity = `${ino} ${birthtimeMs}`;
    if (this.#watched?.identity === identity) return;
    this.close();
    const watcher = watch(this.#folder, (_event, name) => {
      if (name === null || NEWS.test(name)) this.#onChange();
    });
    watcher.on('error', () => this.close());
    this.#watched = { identity, watcher };
  }

  async #readFiles(): Promise<ReadonlyMap<string, KnownFile>> {
    const names = (await readdir(this.#folder)).filter((name) => YAML_FILE.test(name)).toSorted(compareText);
    const files = await Promise.all(names.map(async (name) => [name, await this.#readFile(name)] as const));
    return new Map(files.filter((entry): entry is readonly [string, KnownFile] => entry[1] !== undefined));
  }

  async #readFile(name: string): Promise<KnownFile | undefined> {
    const path = join(this.#folder, name);
    const known = this.#known.get(name);
    const status = await this.#settledStatus(path, known);
    if (!status.isFile()) return undefined;
    const text = await readFile(path, 'utf8');
    const parsed = known?.text === text ? known.parsed : parseYamlFile(name, text);
    return { inode: status.ino, text, parsed };
  }

  /**
   * A file that is written in place can be read half: a list cut short would deny what it allows, and an assignment
   * that is not there yet would leave its workspace to the default policy. So one that was touched just now is looked
   * at again; one that was renamed over another (another inode) is whole.
   */
  async #settledStatus(path: string, known: KnownFile | undefined): Promise<Stats> {
    let status = await stat(path);
    for (let round = 0; round < MAX_SETTLE_ROUNDS; round += 1) {
      const isReplaced = known !== undefined && status.ino !== known.inode;
      if (isReplaced || Math.abs(Date.now() - status.mtimeMs) >= SETTLE_MS) break;
      await delay(SETTLE_MS);
      status = await stat(path);
    }
    return status;
  }
}

/** Reads a folder once. Throws, with the sentence for the user, where there is no folder to read. */
export async function readFolder(folder: string): Promise<FolderReading> {
  const source = new FolderSource(folder, () => undefined);
  const reading = await source.read();
  source.close();
  throwIfUnreadable(reading);
  return reading;
}

/** A folder that is not there at the start is a slip of the pen; one that goes away later comes back. */
export function throwIfUnreadable({ problems }: FolderReading): void {
  const problem = problems.find(({ reason }) => reason === 'FolderUnreadable');
  if (problem !== undefined) throw new Error(problem.message);
}

function haveSameTexts(before: ReadonlyMap<string, KnownFile>, now: ReadonlyMap<string, KnownFile>): boolean {
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
