// One gateway for each state directory: which process has it, in a file of the directory. Two that share one would take
// over each other's Envoy, whose files both of them write.
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { identify, isRunning, type ProcessIdentity } from '../process/process-identity.ts';

export class HeldByAnother extends Error {}

/**
 * Takes the directory for this process, and resolves to what gives it back. Throws HeldByAnother while another process
 * that runs has it; one that has ended, however it did, has nothing any more.
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

/** Only one of several can link a name that does not exist yet. */
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

/** By a rename, so that of several only one removes what it has looked at. */
async function removeEnded(path: string): Promise<void> {
  const aside = `${path}.ended-${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await rm(aside, { force: true });
}
