// Ends an incomplete last line of a log whose writer died, so that the first line of the next writer is separate. Only
// for a log that nobody writes at this moment.
import { open } from 'node:fs/promises';

const LINE_FEED = 0x0a;

/** Where there is no such file there is nothing to do. */
export async function endTornLine(path: string): Promise<void> {
  const file = await open(path, 'r+').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    if (size > 0 && last[0] !== LINE_FEED) await file.write('\n', size);
  } finally {
    await file.close();
  }
}
