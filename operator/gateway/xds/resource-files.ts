// The encoded resources of one Envoy on disk, one file each, so that a gateway that starts knows what it wanted last
// even when nobody can tell it. A file is an encoded response: the wanted version, and the last good one where that is
// another. Private keys are among them, so files are for their user alone. Written files are there for the next process
// at once, and survive a power cut once sync() has resolved; one that a power cut has damaged makes all of them unknown.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { replaceFile, syncFiles, writeProblem } from '../../lib/atomic-file.ts';
import { decodeEntries, type EncodedResource, encodeResponse } from './codec.ts';
import { RESOURCE_KINDS, type ResourceKind, type ResourceRef, TYPE_URLS } from './resource-kind.ts';

const FOR_OWNER = 0o600;
const SUFFIX = '.binpb';
/** Written once all resources are there: a part of them must not be taken for all. */
const COMPLETE = 'complete';
const AT_A_TIME = 16;

export interface StoredResource {
  readonly kind: ResourceKind;
  /** The wanted one first. */
  readonly versions: readonly EncodedResource[];
}

export class ResourceFiles {
  readonly #directory: string;
  /** Paths that a power cut may still damage. */
  #unsynced: string[] = [];
  /** What could not be written the last time. */
  #unwritten: readonly ResourceRef[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Undefined where they are not complete. Throws where the directory cannot be read or made. */
  async read(): Promise<readonly StoredResource[] | undefined> {
    for (const kind of RESOURCE_KINDS) await mkdir(join(this.#directory, kind), { recursive: true });
    if (!(await readdir(this.#directory)).includes(COMPLETE)) return undefined;
    const limit = pLimit(AT_A_TIME);
    const read = await Promise.all(
      RESOURCE_KINDS.map(async (kind) => {
        const names = (await readdir(join(this.#directory, kind))).filter((name) => name.endsWith(SUFFIX));
        return await limit.map(names, (name) => this.#readOne(kind, name));
      }),
    );
    const stored = read.flat();
    // A damaged file would be a resource to remove.
    return stored.includes(undefined) ? undefined : stored.filter((one) => one !== undefined);
  }

  /**
   * Writes these, and what could not be written before; removes where there is no version. Returns a sentence for each
   * file for which that failed.
   */
  async write(
    changes: readonly ResourceRef[],
    versionsOf: (kind: ResourceKind, name: string) => readonly EncodedResource[],
  ): Promise<readonly string[]> {
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
    return problems.filter((problem) => problem !== undefined);
  }

  /** Returns a sentence where that failed; the next call tries again. */
  async sync(): Promise<string | undefined> {
    const paths = this.#unsynced;
    this.#unsynced = [];
    const problem = await attempt(this.#directory, () => syncFiles(paths));
    if (problem !== undefined) this.#unsynced.push(...paths);
    return problem;
  }

  async markComplete(): Promise<string | undefined> {
    return await attempt(join(this.#directory, COMPLETE), (path) => replaceFile(path, ''));
  }

  async #readOne(kind: ResourceKind, file: string): Promise<StoredResource | undefined> {
    try {
      const versions = decodeEntries(await readFile(join(this.#directory, kind, file)));
      return versions.length === 0 ? undefined : { kind, versions };
    } catch {
      return undefined;
    }
  }

  async #writeOne(
    kind: ResourceKind,
    name: string,
    versions: readonly EncodedResource[],
  ): Promise<string | undefined> {
    // Names have characters that no file may have, and lengths.
    const file = `${createHash('sha256').update(name).digest('hex').slice(0, 32)}${SUFFIX}`;
    const entries = versions.map(({ entry }) => entry);
    return await attempt(join(this.#directory, kind, file), async (path) => {
      const content = encodeResponse({ typeUrl: TYPE_URLS[kind], nonce: '', entries, removed: [] });
      if (versions.length === 0) await rm(path, { force: true });
      else await replaceFile(path, content, { mode: FOR_OWNER, isDurable: false });
      this.#unsynced.push(path);
    });
  }
}

async function attempt(path: string, act: (path: string) => Promise<void>): Promise<string | undefined> {
  try {
    await act(path);
    return undefined;
  } catch (error) {
    return writeProblem(path, error);
  }
}
