// Allows one gateway per state directory: a link in the directory names the process that uses it. Two would replace
// each other's Envoy, and both write its files. A link needs no space of a disk, so a full one keeps no gateway from
// starting.
import { readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { identify, isRunning, type ProcessIdentity } from '../process/process-identity.ts';

export class HeldByAnother extends Error {}

/**
 * Locks the directory for this process, and resolves to a function that releases it. Throws HeldByAnother while another
 * running process has it; the lock of one that has ended is void.
 */
export async function holdDirectory(path: string): Promise<() => Promise<void>> {
  const own = JSON.stringify(await identify(process.pid));
  while (!(await linkIfFree(own, path))) {
    const holder = await readHolder(path);
    if (holder !== undefined && holder.pid !== process.pid && (await isRunning(holder))) {
      throw new HeldByAnother(`process ${holder.pid} uses it; end that process`);
    }
    await removeEnded(path);
  }
  return async () => await rm(path, { force: true });
}

/** Only one of several processes can make a link that does not exist yet. */
async function linkIfFree(identity: string, path: string): Promise<boolean> {
  try {
    await symlink(identity, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Which process has the directory, or had it last; undefined where none did. */
export async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    // A former release had a file.
    const text = await readlink(path).catch(() => readFile(path, 'utf8'));
    const read = JSON.parse(text) as ProcessIdentity | null;
    return Number.isInteger(read?.pid) ? (read ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

/** By a rename, so that of several processes only one removes the file that it has read. */
async function removeEnded(path: string): Promise<void> {
  const aside = `${path}.ended-${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await rm(aside, { force: true });
}
