// The counts of use of a state directory.
import { readIfExists } from '../../lib/atomic-file.ts';
import { type EntryUsesFile, entryUsesFileSchema } from '../../model/entry-uses.ts';

/** Undefined where there is none that can be read: then nothing is called unused. */
export async function readEntryUses(path: string): Promise<EntryUsesFile | undefined> {
  try {
    const parsed = entryUsesFileSchema.safeParse(JSON.parse((await readIfExists(path)) ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
