// A directory, and those that it lies in. Node's own recursive mkdir never ends where nothing can be made in a directory
// that is there, as in /proc.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** With `mode` for each that is made. Throws the error of the one that cannot be made. */
export async function makeDirectories(path: string, mode?: number): Promise<void> {
  try {
    await makeOne(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Somebody else may have made its parent by now.
    if (!(await isDirectory(dirname(path)))) await makeDirectories(dirname(path), mode);
    await makeOne(path, mode);
  }
}

async function makeOne(path: string, mode: number | undefined): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || !(await isDirectory(path))) throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
