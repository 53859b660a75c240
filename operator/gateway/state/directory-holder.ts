// Allows one gateway per state directory: a file of the directory names the process that uses it. Two would replace
// each other's Envoy, and both write its files.
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { identify, isRunning, type ProcessIdentity } from '../process/process-identity.ts';

export class HeldByAnother extends Error {}

/**
 * Locks the directory for this process, and resolves to a function that releases it. Throws HeldByAnother while another
 * running process has it; the lock of one that has ended is void.
 */
export async function holdDirectory(path: string): Promise<() => Promise<void>> {
  const own = await identify(process.pid);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify(own));
  try {
    while (!(await linkIfFree(draft, path))) {
      const holder = await readHolder(path);
      if (holder !== undefined && holder.pid !== process.pid && (await isRunning(holder))) {
        throw new HeldByAnother(`process ${holder.pid} uses it; end that process`);
      }
      await removeEnded(path);
    }
  } finally {
    await rm(draft, { force: true });
  }
  return async () => await rm(path, { force: true });
}

/** Only one of several processes can link a name that does not exist yet. */
async function linkIfFree(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const read = JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity | null;
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
