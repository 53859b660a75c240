// Exported files in a directory of this machine, or of a volume.
import { randomBytes } from 'node:crypto';
import { copyFile, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeProblem } from '../../lib/atomic-file.ts';
import { makeDirectories } from '../../lib/make-directories.ts';
import type { ExportTarget } from './export-target.ts';

const OWN = 0o700;

export function directoryTarget(directory: string): ExportTarget {
  return {
    name: directory,
    read: async (file, into) => {
      try {
        await copyFile(join(directory, file), into);
        return true;
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException;
        if (code === 'ENOENT') return false;
        throw new Error(`Cannot read "${join(directory, file)}", of which rows are to stay: ${message}`, {
          cause,
        });
      }
    },
    write: async (file, from) => {
      const path = join(directory, file);
      try {
        await makeDirectories(dirname(path), OWN);
        await replaceByCopy(from, path);
      } catch (cause) {
        throw new Error(writeProblem(path, cause), { cause });
      }
    },
  };
}

/** The copy has a name that readers of "*.parquet" do not take. */
async function replaceByCopy(from: string, path: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await copyFile(from, temporary);
    await sync(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await sync(dirname(path));
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
