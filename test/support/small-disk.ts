// A disk of a few megabytes that a test can fill: a tmpfs in a mount namespace of its own, which needs no root. In: where
// it is mounted. Out: how to start a program that sees it, and the paths by which the test, outside, sees its files.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const MOUNT = 'mount -t tmpfs -o "size=$2" tmpfs "$1" && echo mounted && exec cat';
const UNSHARE = 'unshare';
const NAMESPACES = ['--user', '--mount'];
/** The smallest thing of a disk that can be taken. */
const BLOCK = 4096;

export class SmallDisk {
  readonly #mountPoint: string;
  readonly #holder: ChildProcess;

  private constructor(mountPoint: string, holder: ChildProcess) {
    this.#mountPoint = mountPoint;
    this.#holder = holder;
  }

  /** Throws where it may not be made. */
  static async mount(mountPoint: string, megabytes: number): Promise<SmallDisk> {
    const args = ['--map-root-user', ...NAMESPACES, 'sh', '-c', MOUNT, 'sh', mountPoint, `${megabytes}m`];
    const holder = spawn(UNSHARE, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const mounted = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
    if (!(mounted[0] instanceof Buffer)) throw new Error(`Cannot mount a tmpfs on "${mountPoint}"`);
    return new SmallDisk(mountPoint, holder);
  }

  /** Before a program and its arguments. */
  get prefix(): readonly string[] {
    return ['nsenter', '--target', `${this.#holder.pid}`, ...NAMESPACES, '--preserve-credentials'];
  }

  /** Of a file of the disk, from outside. */
  seen(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** To the last block, or so that about so many bytes stay free. */
  async fill(free = 0): Promise<void> {
    const file = await open(this.#ballast, 'a');
    try {
      for (const size of [256 * BLOCK, BLOCK]) await writeUntilFull(file, Buffer.alloc(size, 1));
      const { size } = await file.stat();
      await file.truncate(Math.max(0, size - free));
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  /** Nothing that runs on it may be left. */
  async remove(): Promise<void> {
    const gone = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await gone;
  }

  get #ballast(): string {
    return this.seen(`${this.#mountPoint}/ballast`);
  }
}

async function writeUntilFull(file: Awaited<ReturnType<typeof open>>, piece: Buffer): Promise<void> {
  try {
    for (;;) await file.writeFile(piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

/** Tests are left out, and say so, on a machine that permits no such disk. */
async function mayMount(): Promise<boolean> {
  const args = ['--map-root-user', ...NAMESPACES, 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp'];
  const isPermitted = await promisify(execFile)(UNSHARE, args).then(
    () => true,
    () => false,
  );
  if (!isPermitted) process.stderr.write('Skipped: this machine permits no mount namespace without root\n');
  return isPermitted;
}

export const hasSmallDisks = await mayMount();
export const testOnDisk = hasSmallDisks ? test : test.skip;
