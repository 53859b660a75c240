// Small files that others read while we write them: a reader sees the old text or the new one, never a mixture,
// and after a power cut the file is one of the two. Failures of the file system are thrown as they come.
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const FOR_ALL = 0o644;

interface WriteOptions {
  /** Rename a fresh file in although the text is the same: whoever watches the directory reads it again. */
  readonly evenIfUnchanged?: boolean;
}

/** Resolves with whether the file was written; it is left alone when it already holds this text. */
export async function writeFileAtomic(
  path: string,
  text: string,
  options: WriteOptions = {},
): Promise<boolean> {
  if (options.evenIfUnchanged !== true && (await readIfExists(path)) === text) {
    return false;
  }
  await replaceFile(path, text);
  return true;
}

/** The same for bytes, whatever the file holds. */
export async function replaceFile(path: string, content: string | Uint8Array, mode = FOR_ALL): Promise<void> {
  // Same directory, because only a rename within one file system is atomic.
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeDurably(temporary, content, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** The text, or undefined where there is no such file. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

// The rename itself is only durable once the directory is.
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the quota of this user is used up; free some space',
  EISDIR: 'a directory is in its place; remove that',
  ENOTDIR: 'a file is in the place of its directory; remove that',
  ENOENT: 'its directory is gone; start anew',
  EROFS: 'the file system is read-only; mount it for writing',
  EACCES: 'this user may not write there; give it the right to',
};

/** Why a file could not be written, and what to do about it. */
export function writeProblem(path: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return `Cannot write "${path}": ${FIXES[code] ?? message}`;
}

/** Undefined where it was written. */
export async function writeOrSay(path: string, text: string): Promise<string | undefined> {
  try {
    await writeFileAtomic(path, text);
    return undefined;
  } catch (error) {
    return writeProblem(path, error);
  }
}

/** The functions of this file as an object: tests inject failing writes. */
export interface AtomicFiles {
  readonly writeFileAtomic: typeof writeFileAtomic;
  readonly readIfExists: typeof readIfExists;
}
