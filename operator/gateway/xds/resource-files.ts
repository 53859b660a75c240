// The encoded resources of one Envoy on disk, one file each, so that a gateway that starts knows what it wanted last
// even when nobody can tell it. A file is an encoded response: the wanted version, and the last good one where that is
// another. Private keys are among them, so files are for their user alone. A list says which files are all of them; it is
// replaced at once, so a part is never taken for all. Written files are there for the next process at once, and survive
// a power cut once sync() has resolved.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { attemptWrite, replaceFile, syncFiles } from '../../lib/atomic-file.ts';
import { decodeEntries, type EncodedResource, encodeResponse } from './codec.ts';
import { listText, parseList } from './file-list.ts';
import { RESOURCE_KINDS, type ResourceKind, type ResourceRef, TYPE_URLS } from './resource-kind.ts';
import { Damage, setAside } from './set-aside.ts';

const FOR_OWNER = 0o600;
const SUFFIX = '.binpb';
const LIST = 'complete';
const AT_A_TIME = 16;

export interface StoredResource {
  readonly kind: ResourceKind;
  /** The wanted one first. */
  readonly versions: readonly EncodedResource[];
}

type VersionsOf = (kind: ResourceKind, name: string) => readonly EncodedResource[];

export class ResourceFiles {
  readonly #directory: string;
  readonly #onDamaged: (sentence: string) => void;
  /** Names of files that hold what is wanted, below the directory. */
  #files = new Set<string>();
  /** Whether the list says so, too. */
  #isListed = false;
  /** They are on no list; they go once a list without them cannot get lost. */
  #leftOver = new Set<string>();
  /** Paths that a power cut may still damage. */
  #unsynced: string[] = [];
  /** What could not be written the last time. */
  #unwritten: readonly ResourceRef[] = [];

  /** `onDamaged` gets a sentence where something cannot be used and is set aside. */
  constructor(directory: string, onDamaged: (sentence: string) => void = () => undefined) {
    this.#directory = directory;
    this.#onDamaged = onDamaged;
  }

  /** Undefined where they are not known. Throws where the directory cannot be made. */
  async read(): Promise<readonly StoredResource[] | undefined> {
    let stored: readonly StoredResource[] | undefined;
    try {
      stored = await this.#readAll();
    } catch (error) {
      this.#onDamaged(await setAside(this.#directory, error));
    }
    for (const kind of RESOURCE_KINDS) await mkdir(join(this.#directory, kind), { recursive: true });
    return stored;
  }

  /**
   * Writes these, and what could not be written before; removes where there is no version. Returns a sentence for each
   * file for which that failed: until it can be written, the next process knows nothing, which is better than what was
   * wanted formerly.
   */
  async write(changes: readonly ResourceRef[], versionsOf: VersionsOf): Promise<readonly string[]> {
    const limit = pLimit(AT_A_TIME);
    const again = this.#unwritten.filter(
      ([kind, name]) => !changes.some(([otherKind, other]) => otherKind === kind && other === name),
    );
    const failed: ResourceRef[] = [];
    const problems = await limit.map([...changes, ...again], async ([kind, name]) => {
      const problem = await this.#writeOne(kind, name, versionsOf(kind, name));
      if (problem !== undefined) failed.push([kind, name]);
      return problem;
    });
    this.#unwritten = failed;
    const found = inOneSentence(problems.filter((problem) => problem !== undefined));
    return found.length > 0 ? [...found, ...(await this.#forgetList())] : await this.#writeList();
  }

  /** Returns a sentence where that failed; the next call tries again. */
  async sync(): Promise<string | undefined> {
    const paths = this.#unsynced;
    const leftOver = this.#isListed ? [...this.#leftOver] : [];
    this.#unsynced = [];
    const problem = await attemptWrite(this.#directory, () => syncFiles(paths));
    if (problem !== undefined) {
      this.#unsynced.push(...paths);
      return problem;
    }
    for (const file of leftOver) await this.#removeLeftOver(file);
    return undefined;
  }

  /** Throws Damage. */
  async #readAll(): Promise<readonly StoredResource[] | undefined> {
    const present = await this.#present();
    const listed = await parseList(join(this.#directory, LIST));
    if (listed === undefined) {
      if (present.length === 0) return undefined;
      throw new Damage(join(this.#directory, LIST), 'it is missing, so others may be missing or old');
    }
    this.#leftOver = new Set(present.filter((file) => !listed.has(file)));
    const limit = pLimit(AT_A_TIME);
    const stored = await limit.map([...listed], (file) => this.#readOne(file));
    this.#files = new Set(listed);
    this.#isListed = true;
    return stored;
  }

  async #present(): Promise<readonly string[]> {
    const found = await Promise.all(
      RESOURCE_KINDS.map(async (kind) => {
        const path = join(this.#directory, kind);
        const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return [];
          throw new Damage(path, error.message);
        });
        return names.map((name) => `${kind}/${name}`);
      }),
    );
    return found.flat();
  }

  async #readOne(file: string): Promise<StoredResource> {
    const path = join(this.#directory, file);
    try {
      const kind = RESOURCE_KINDS.find((one) => file.startsWith(`${one}/`));
      if (kind === undefined) throw new Error('It is of no kind');
      const versions = decodeEntries(await readFile(path), TYPE_URLS[kind]);
      if (versions.length === 0 || versions.some(({ name }) => fileOf(kind, name) !== file))
        throw new Error('It is not what its name says');
      return { kind, versions };
    } catch (error) {
      throw new Damage(path, (error as Error).message);
    }
  }

  async #writeOne(
    kind: ResourceKind,
    name: string,
    versions: readonly EncodedResource[],
  ): Promise<string | undefined> {
    const file = fileOf(kind, name);
    if (versions.length === 0) {
      this.#leftOver.add(file);
      if (this.#files.delete(file)) this.#isListed = false;
      return undefined;
    }
    return await attemptWrite(join(this.#directory, file), async (path) => {
      const entries = versions.map(({ entry }) => entry);
      const content = encodeResponse({ typeUrl: TYPE_URLS[kind], nonce: '', entries, removed: [] });
      await replaceFile(path, content, { mode: FOR_OWNER, isDurable: false });
      this.#unsynced.push(path);
      this.#leftOver.delete(file);
      if (this.#files.has(file)) return;
      this.#files.add(file);
      this.#isListed = false;
    });
  }

  async #writeList(): Promise<readonly string[]> {
    if (this.#isListed) return [];
    const path = join(this.#directory, LIST);
    const problem = await attemptWrite(path, () =>
      replaceFile(path, listText(this.#files), { isDurable: false }),
    );
    if (problem !== undefined) return [problem, ...(await this.#forgetList())];
    this.#unsynced.push(path);
    this.#isListed = true;
    return [];
  }

  /** Of files that are not as they should be. */
  async #forgetList(): Promise<readonly string[]> {
    this.#isListed = false;
    const problem = await attemptWrite(join(this.#directory, LIST), (path) => rm(path, { force: true }));
    return problem === undefined ? [] : [problem];
  }

  /** What cannot be removed does no harm. */
  async #removeLeftOver(file: string): Promise<void> {
    if (this.#files.has(file)) return;
    await rm(join(this.#directory, file), { recursive: true, force: true }).catch(() => undefined);
    this.#leftOver.delete(file);
  }
}

/** Names have characters that no file may have, and lengths. */
function fileOf(kind: ResourceKind, name: string): string {
  return `${kind}/${createHash('sha256').update(name).digest('hex').slice(0, 32)}${SUFFIX}`;
}

/** Thousands of files have one cause: the first by name stands for all. */
function inOneSentence(problems: readonly string[]): readonly string[] {
  const [first, ...others] = problems.toSorted();
  if (first === undefined || others.length === 0) return problems;
  return [`${first} (and ${others.length} more files of Envoy's resources)`];
}
