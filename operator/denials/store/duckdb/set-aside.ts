// A database that cannot be used any more -> the same files under another name beside it, for people to inspect, so
// that a new log can begin. Nothing is deleted.
import { rename, stat } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';

export interface SetAside {
  /** New path of the file. */
  readonly path: string;
  readonly reason: string;
}

/** For people. */
export function describeSetAside(database: string, { path, reason }: SetAside): string {
  return `Cannot use denial log "${database}": ${reason}; it is stored as "${path}", and a new log begins`;
}

/** DuckDB keeps its write-ahead log beside the file. */
const WAL = '.wal';

/** The file and its write-ahead log get a name that says when. Throws where they cannot be renamed. */
export async function setAside(path: string, reason: string, nowMs: number): Promise<SetAside> {
  const free = await freePath(path, nowMs);
  // The write-ahead log first: were we killed in between, it must not be taken for that of the new file.
  await renameIfThere(path + WAL, free + WAL);
  await renameIfThere(path, free);
  return { path: free, reason };
}

async function freePath(path: string, nowMs: number): Promise<string> {
  const { name, ext } = parse(path);
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? '' : `-${number}`;
    const candidate = join(dirname(path), `${name}-damaged-${time}${suffix}${ext}`);
    if (!(await exists(candidate)) && !(await exists(candidate + WAL))) return candidate;
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  }
}
