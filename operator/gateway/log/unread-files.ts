// The files of a log from a position on, for somebody who only counts their lines: opened while nobody renames them.
import { type FileHandle, open } from 'node:fs/promises';
import type { LogFiles, LogPosition } from './log-files.ts';

export interface UnreadFile {
  readonly sequence: number;
  /** Nobody writes to it any more, and nothing of it is consumed. */
  readonly isWhole: boolean;
  /** Everything before is consumed. */
  readonly from: number;
  /** Undefined where its lines are counted already; else the caller closes it. */
  readonly handle: FileHandle | undefined;
}

export interface UnreadOptions {
  readonly position: LogPosition;
  readonly liveSequence: number;
  /** Numbers of whole files whose lines are known. */
  readonly known: { readonly has: (sequence: number) => boolean };
}

export async function openUnread(
  files: LogFiles,
  { position, liveSequence, known }: UnreadOptions,
): Promise<readonly UnreadFile[]> {
  const rotated = (await files.rotated()).filter((sequence) => sequence >= position.sequence);
  // Its writer goes on with the newest file until it has opened a newer one.
  const written = (await files.liveBytes()) === undefined ? rotated.at(-1) : liveSequence;
  const numbers = [...new Set([...rotated, liveSequence])];
  const opened = numbers.map(async (sequence): Promise<UnreadFile | undefined> => {
    const isLive = sequence === liveSequence;
    const from = sequence === position.sequence ? position.offset : 0;
    const isWhole = ![position.sequence, written, liveSequence].includes(sequence);
    if (isWhole && known.has(sequence)) return { sequence, isWhole, from, handle: undefined };
    const handle = await openIfExists(isLive ? files.livePath : files.rotatedPath(sequence));
    return handle && { sequence, isWhole, from, handle };
  });
  return (await Promise.all(opened)).filter((file) => file !== undefined);
}

async function openIfExists(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
