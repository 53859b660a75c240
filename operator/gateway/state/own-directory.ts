// Checks that only this process's user can change a directory; else throws a sentence that says who could, and what to
// do. Whoever can write there decides what Envoy enforces, so in doubt it throws.
import type { Stats } from 'node:fs';
import { chmod, lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const ALL_MODES = 0o7777;
const RIGHTS_OF_OTHERS = 0o077;
const FOR_OWNER = 0o700;
const FOR_OWNER_FILE = 0o600;
const MAX_LINKS = 40;

/** Thrown with the sentence for the user. */
export class NotOurs extends Error {}

export interface Owners {
  readonly uid: number;
  readonly gid: number;
  /** Owners of parent directories that are trusted: root; in a user namespace the machine's root is nobody. */
  readonly trusted: ReadonlySet<number>;
}

export async function currentOwners(): Promise<Owners> {
  const map = await readFile('/proc/self/uid_map', 'utf8').catch(() => '');
  const isWholeMachine = /^\s*0\s+0\s+4294967295\s*$/.test(map);
  const overflow = await readFile('/proc/sys/kernel/overflowuid', 'utf8').catch(() => '');
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const unmapped = isWholeMachine || overflow === '' ? [] : [Number(overflow)];
  return { uid, gid, trusted: new Set([0, uid, ...unmapped]) };
}

/**
 * Throws where somebody else could replace this directory by another: above it, and at each link in its path, only root
 * and we may create and rename entries.
 */
export async function checkWay(path: string, owners: Owners): Promise<void> {
  await walk(path, owners, MAX_LINKS);
}

/** Returns the real path. */
async function walk(path: string, owners: Owners, linksLeft: number): Promise<string> {
  if (dirname(path) === path) return path;
  const parent = await walk(dirname(path), owners, linksLeft);
  await checkParent(parent, owners);
  const entry = join(parent, path.slice(dirname(path).length).replace(/^\/+/, ''));
  const status = await lstat(entry);
  if (!status.isSymbolicLink()) return entry;
  if (!owners.trusted.has(status.uid)) {
    throw new NotOurs(`"${entry}" is a link that belongs to ${userText(status.uid)}; remove it`);
  }
  if (linksLeft === 0) throw new NotOurs(`"${entry}" is one link too many; name the directory itself`);
  const target = await readlink(entry);
  return await walk(isAbsolute(target) ? target : join(parent, target), owners, linksLeft - 1);
}

async function checkParent(parent: string, owners: Owners): Promise<void> {
  const { uid, gid, mode } = await stat(parent);
  if (!owners.trusted.has(uid)) {
    throw new NotOurs(
      `its parent "${parent}" belongs to ${userText(uid)}, who could replace it; give that one to this user (uid ${owners.uid}) with "chown"`,
    );
  }
  if ((mode & STICKY) !== 0) return;
  // Where each user has a group of the same number, that group is the user.
  const isOwnGroup = gid === 0 || (gid === owners.gid && gid === owners.uid);
  if ((mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && !isOwnGroup)) {
    throw new NotOurs(
      `others may rename what is in its parent "${parent}" (mode ${modeText(mode)}); take that right away with "chmod go-w ${parent}"`,
    );
  }
}

/**
 * Removes every permission of others from the directory and its content; returns how many entries had one. Throws where
 * an entry belongs to another user, who may have written its content. Links are not followed.
 */
export async function takeForOurselves(path: string, owners: Owners): Promise<number> {
  const status = await lstat(path).catch(ignoreMissing);
  if (status === undefined) return 0;
  if (status.uid !== owners.uid) {
    throw new NotOurs(
      `"${path}" belongs to ${userText(status.uid)} and not to this user (uid ${owners.uid}); remove it, or give it to this user with "chown" if you know what is in it`,
    );
  }
  if (status.isSymbolicLink()) return 0;
  let restricted = (await restrict(path, status)) ? 1 : 0;
  for (const name of status.isDirectory() ? await namesIn(path) : []) {
    restricted += await takeForOurselves(join(path, name), owners);
  }
  return restricted;
}

async function restrict(path: string, status: Stats): Promise<boolean> {
  const wanted = status.isDirectory() ? FOR_OWNER : status.mode & FOR_OWNER_FILE;
  if ((status.mode & ALL_MODES) === wanted) return false;
  await chmod(path, wanted).catch(ignoreMissing);
  // A directory in a volume has the bit of its group from the start, which is nobody's right.
  return (status.mode & RIGHTS_OF_OTHERS) !== 0;
}

async function namesIn(path: string): Promise<readonly string[]> {
  return (await readdir(path).catch(ignoreMissing)) ?? [];
}

/** Envoy and a database make and remove files at any time. */
function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

function modeText(mode: number): string {
  return (mode & ALL_MODES).toString(8).padStart(4, '0');
}

function userText(uid: number): string {
  return uid === 0 ? 'root' : `the user with uid ${uid}`;
}
