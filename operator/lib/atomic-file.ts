// Small files that others read while we write them: a reader sees the old text or the new one, never a mixture,
// and after a power cut the file is one of the two. Failures of the file system are thrown as they come.
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const FOR_ALL = 0o644;

type WriteOptions = Pick<ReplaceOptions, 'isDurable'>;

/** Resolves with whether the file was written; it is left alone when it already holds this text. */
export async function writeFileAtomic(
  path: string,
  text: string,
  options: WriteOptions = {},
): Promise<boolean> {
  if ((await readIfExists(path)) === text) {
    return false;
  }
  await replaceFile(path, text, options);
  return true;
}

interface ReplaceOptions {
  readonly mode?: number;
  /**
   * False: the next process reads the new file, but until syncFiles() a power cut may leave the old one, or bytes that
   * are neither. Waiting for the disk takes some 10 ms.
   */
  readonly isDurable?: boolean | undefined;
}

/** The same for bytes, whatever the file holds. */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  { mode = FOR_ALL, isDurable = true }: ReplaceOptions = {},
): Promise<void> {
  // Same directory, because only a rename within one file system is atomic.
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, content, { mode, flag: 'wx', flush: isDurable });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (isDurable) await sync(dirname(path));
}

/** These files, where they are still there, and their directories survive a power cut from now on. */
export async function syncFiles(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map(sync));
  for (const directory of new Set(paths.map((path) => dirname(path)))) await sync(directory);
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

// A rename is only durable once its directory is.
async function sync(path: string): Promise<void> {
  const file = await openIfExists(path);
  try {
    await file?.sync();
  } finally {
    await file?.close();
  }
}

async function openIfExists(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
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

/** Undefined where it was written; `act` writes it. */
export async function attemptWrite(
  path: string,
  act: (path: string) => Promise<unknown>,
): Promise<string | undefined> {
  try {
    await act(path);
    return undefined;
  } catch (error) {
    return writeProblem(path, error);
  }
}

/** Undefined where it was written. */
export async function writeOrSay(
  path: string,
  text: string,
  options: WriteOptions = {},
): Promise<string | undefined> {
  return await attemptWrite(path, () => writeFileAtomic(path, text, options));
}

/** The functions of this file as an object: tests inject failing writes. */
export interface AtomicFiles {
  readonly writeFileAtomic: typeof writeFileAtomic;
  readonly readIfExists: typeof readIfExists;
}
