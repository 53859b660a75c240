// The counts of access lists in a file beside the denial log.
import { readFile } from 'node:fs/promises';
import { type HitsFile, hitsFileSchema } from '../../model/list-hits.ts';

/** Undefined where there is none that can be read: counting begins anew. */
export async function readHits(path: string): Promise<HitsFile | undefined> {
  try {
    const parsed = hitsFileSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
