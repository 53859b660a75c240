// One entry of the folder -> its text, or why it has none and what to do about it. Never throws, never waits for a
// pipe, and never reads without end.
import { isUtf8 } from 'node:buffer';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readlink, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export type FileReading = ReadText | UnreadableEntry;

interface ReadText {
  readonly inode: number;
  readonly text: string;
}

export interface UnreadableEntry {
  /** What is wrong and how to fix it: "it is a directory; move it out of the folder". */
  readonly fault: string;
  /** Set where it may contain unreadable YAML; a directory or a pipe has none. */
  readonly mayHoldObjects: boolean;
}

/** Some 50 policies of the largest size; the parser needs 0.1 s for each megabyte, and longer for odd ones. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

const SETTLE_MS = 15;
/** A file that never settles is read as it is. */
const MAX_SETTLE_ROUNDS = 40;
const NEWLINE = 0x0a;

/** `knownInode` is that of the last reading. Undefined where there is no such entry any more. */
export async function readFolderFile(
  path: string,
  knownInode: number | undefined,
): Promise<FileReading | undefined> {
  try {
    const status = await settledStatus(path, knownInode);
    return faultOfStatus(status) ?? (await readRegularFile(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return await faultOfMissing(path);
    return unreadable(FAULTS[code ?? ''] ?? `${message}; correct that`);
  }
}

export function unreadable(fault: string): UnreadableEntry {
  return { fault, mayHoldObjects: true };
}

const FAULTS: Readonly<Record<string, string>> = {
  EACCES:
    'this user may not read it; give the user of this process the right to, for example with "chmod +r"',
  EPERM: 'this user may not read it; give the user of this process the right to',
  ELOOP: 'its links form a loop; make it a file or remove it',
  ENOTDIR: 'it is a link through a file; make it a file or remove it',
  EIO: 'the system cannot read it (EIO); write it anew or remove it',
  EMFILE: 'this process has too many files open; raise its limit, for example with "ulimit -n"',
  ENFILE: 'this machine has too many files open; raise "fs.file-max"',
};

/**
 * A file that is written in place can be read half: a truncated list would deny what it allows, and without its
 * assignment a workspace would get the default policy. So a file that was just modified is checked again; one that was
 * renamed over another (another inode) is whole.
 */
async function settledStatus(path: string, knownInode: number | undefined): Promise<Stats> {
  let status = await stat(path);
  for (let round = 0; round < MAX_SETTLE_ROUNDS; round += 1) {
    const isReplaced = knownInode !== undefined && status.ino !== knownInode;
    if (isReplaced || !status.isFile() || Math.abs(Date.now() - status.mtimeMs) >= SETTLE_MS) break;
    await delay(SETTLE_MS);
    status = await stat(path);
  }
  return status;
}

function faultOfStatus(status: Stats): UnreadableEntry | undefined {
  if (!status.isFile()) {
    return {
      fault: `it is a ${kindOf(status)} and no file; move it out of the folder`,
      mayHoldObjects: false,
    };
  }
  return status.size > MAX_FILE_BYTES ? tooLarge(status.size) : undefined;
}

function kindOf(status: Stats): string {
  if (status.isDirectory()) return 'directory';
  if (status.isFIFO()) return 'pipe';
  return status.isSocket() ? 'socket' : 'device';
}

function tooLarge(bytes: number): UnreadableEntry {
  return unreadable(`it has ${bytes} bytes and ${MAX_FILE_BYTES} are the most; split it into several files`);
}

/** A file may have become a pipe meanwhile, so opening does not wait, and the open file is checked again. */
async function readRegularFile(path: string): Promise<FileReading> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const status = await file.stat();
    return faultOfStatus(status) ?? textOf(await readAtMost(file, MAX_FILE_BYTES + 1), status.ino);
  } finally {
    await file.close();
  }
}

/** Files of the system have no size, and others grow while they are read. */
async function readAtMost(file: FileHandle, limitBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let total = 0;
  for (let size = 65_536; total < limitBytes; size *= 2) {
    const length = Math.min(size, limitBytes - total);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, null);
    if (bytesRead === 0) break;
    parts.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
  }
  return Buffer.concat(parts);
}

function textOf(bytes: Buffer, inode: number): FileReading {
  if (bytes.length > MAX_FILE_BYTES) return tooLarge(bytes.length);
  if (isUtf8(bytes)) return { inode, text: bytes.toString('utf8') };
  return unreadable(`line ${firstBadLine(bytes)} is not UTF-8; save it in that encoding`);
}

/** 1-based. */
function firstBadLine(bytes: Buffer): number {
  for (let line = 1, from = 0; ; line += 1) {
    const newline = bytes.indexOf(NEWLINE, from);
    if (newline === -1 || !isUtf8(bytes.subarray(from, newline))) return line;
    from = newline + 1;
  }
}

/** A dangling link is an entry whose content is unknown. */
async function faultOfMissing(path: string): Promise<UnreadableEntry | undefined> {
  try {
    await lstat(path);
    const target = await readlink(path);
    return unreadable(`it is a link to "${target}", which does not exist; make that file or remove the link`);
  } catch {
    return undefined;
  }
}
