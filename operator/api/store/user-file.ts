// A file that people edit, too: written only while it still is what was read, with its mode and owner, through links.
// What somebody saves in the same moment wins, and the caller decides again.
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { access, constants, lstat, open, realpath, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFiles, writeProblem } from '../../lib/atomic-file.ts';
import { ApiError } from '../api-error.ts';

/** Somebody else changed the file since it was read. */
export class FileChanged extends Error {}

const PERMISSIONS = 0o7777;

/** `before` is the text that was read; what is there now is replaced only if it is that. */
export async function replaceUserFile(path: string, before: string, text: string): Promise<void> {
  const target = await writableTarget(path);
  const former = await stat(target).catch(() => {
    throw new FileChanged(path);
  });
  const fresh = `${target}.${randomBytes(4).toString('hex')}.tmp`;
  const kept = `${fresh}.old.tmp`;
  try {
    await writeFresh(fresh, text, former);
    swap({ target, fresh, kept, before });
    await syncFiles([target]);
    restoreIfChanged(target, kept, before);
  } catch (error) {
    throw explained(path, error);
  } finally {
    await Promise.all([rm(fresh, { force: true }), rm(kept, { force: true })]);
  }
}

/** A new one; a file that somebody put there meanwhile stays. */
export async function createUserFile(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFresh(fresh, text, { mode });
    linkSync(fresh, path);
    await syncFiles([path]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new FileChanged(path);
    throw explained(path, error);
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Only where it still is what was read. */
export function removeUserFile(path: string, before: string): void {
  if (readFileSync(path, 'utf8') !== before) throw new FileChanged(path);
  rmSync(path);
}

export async function isLink(path: string): Promise<boolean> {
  return (await lstat(path)).isSymbolicLink();
}

interface Swap {
  readonly target: string;
  readonly fresh: string;
  readonly kept: string;
  readonly before: string;
}

/** Without a pause between the last look and the rename. */
function swap({ target, fresh, kept, before }: Swap): void {
  linkSync(target, kept);
  const isSame = readFileSync(kept, 'utf8') === before;
  if (!isSame || statSync(target).ino !== statSync(kept).ino) throw new FileChanged(target);
  renameSync(fresh, target);
}

/** An editor may have opened the former file before the rename, and written into it after the last look. */
function restoreIfChanged(target: string, kept: string, before: string): void {
  if (readFileSync(kept, 'utf8') === before) return;
  renameSync(kept, target);
  throw new FileChanged(target);
}

interface Attributes {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

async function writeFresh(path: string, text: string, { mode, uid, gid }: Attributes): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    const own = await file.stat();
    if (uid !== undefined && gid !== undefined && (own.uid !== uid || own.gid !== gid))
      await file.chown(uid, gid);
    // After that of the owner, which takes bits away.
    await file.chmod(mode & PERMISSIONS);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Through links. */
async function writableTarget(path: string): Promise<string> {
  const target = await realpath(path).catch(() => {
    throw new FileChanged(path);
  });
  if (!(await isLink(path))) return target;
  try {
    await access(target, constants.W_OK);
    await access(dirname(target), constants.W_OK);
    return target;
  } catch {
    throw new ApiError(
      'INVALID_STATE',
      `Cannot write "${path}": it is a link to "${target}", which this user may not write; change that file where it comes from`,
    );
  }
}

function explained(path: string, error: unknown): unknown {
  if (error instanceof FileChanged || error instanceof ApiError) return error;
  const isOwner = (error as NodeJS.ErrnoException).code === 'EPERM';
  const problem = isOwner
    ? `Cannot write "${path}": this user may not keep its owner; run as its owner, or make it this user's`
    : writeProblem(path, error);
  return new ApiError('INVALID_STATE', problem);
}
