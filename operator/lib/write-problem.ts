// Why a file could not be written, and what to do about it.

const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the quota of this user is used up; free some space',
  EISDIR: 'a directory is in its place; remove that',
  ENOTDIR: 'a file is in the place of its directory; remove that',
  ENOENT: 'its directory is gone; start anew',
  EROFS: 'the file system is read-only; mount it for writing',
  EACCES: 'this user may not write there; give it the right to',
};

export function writeProblem(path: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return `Cannot write "${path}": ${FIXES[code] ?? message}`;
}
