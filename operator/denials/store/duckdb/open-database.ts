// A path in, an open DuckDB instance out: schema present, time zone UTC, and locked down, so that no query can read a
// file, reach the network, load an extension or change a setting. Every error names the file and what to do. Must never
// write into a file that is not a denial log.
import { stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

import { makeDirectories } from '../../../lib/make-directories.ts';
import { lockInstance } from './lock-instance.ts';
import { createSchema, ForeignFileError, prepareSchema } from './prepare-schema.ts';
import { type SetAside, setAside } from './set-aside.ts';

export interface DatabaseOptions {
  /** Default 64. DuckDB spills to "<path>.tmp" beyond it. */
  readonly memoryLimitMb?: number;
  /** Of the write-ahead log, before it is folded into the file. Default 1: in a flood it is larger than its rows. */
  readonly checkpointMb?: number;
  /** Default 1. */
  readonly threads?: number;
  /** Opens an existing log without changing it; fails where there is none. Default false. */
  readonly readOnly?: boolean;
  /** Why the existing file must not be opened at all: it is set aside for a new one. */
  readonly mistrusted?: string;
}

export interface OpenedDatabase {
  readonly instance: DuckDBInstance;
  /** The former file, where that was unusable. */
  readonly setAside: SetAside | undefined;
}

/**
 * Creates the folder (mode 0700) and the schema. A file that is damaged or not ours is set aside for a new one, but not
 * where it is only to be read. Throws an Error whose message names the file and what to do.
 */
export async function openDatabase(path: string, options: DatabaseOptions = {}): Promise<OpenedDatabase> {
  if (options.mistrusted !== undefined) return openNew(path, options.mistrusted, options);
  try {
    return { instance: await openFile(path, options), setAside: undefined };
  } catch (error) {
    if (!(error instanceof UnusableFileError) || options.readOnly === true) throw error;
    return openNew(path, error.reason, options);
  }
}

async function openNew(path: string, reason: string, options: DatabaseOptions): Promise<OpenedDatabase> {
  const aside = await setAside(path, reason, Date.now());
  return { instance: await openFile(path, options), setAside: aside };
}

async function openFile(path: string, options: DatabaseOptions): Promise<DuckDBInstance> {
  const { readOnly = false } = options;
  try {
    if (!readOnly) {
      await makeDirectories(dirname(path), 0o700);
      await removeUnwritten(path);
    }
    const instance = await DuckDBInstance.create(path, instanceOptions(options));
    await prepareInstance(instance, readOnly);
    return instance;
  } catch (cause) {
    throw openError(path, cause);
  }
}

/** A full disk leaves an empty file where a new log was to begin. Nothing was ever stored in it. */
async function removeUnwritten(path: string): Promise<void> {
  const [size, walSize] = await Promise.all([sizeOf(path), sizeOf(`${path}.wal`)]);
  if (size === 0 && walSize === undefined) await unlink(path);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    (stats) => (stats.isFile() ? stats.size : undefined),
    () => undefined,
  );
}

function instanceOptions({
  memoryLimitMb = 64,
  checkpointMb = 1,
  threads = 1,
  readOnly = false,
}: DatabaseOptions) {
  return {
    access_mode: readOnly ? 'READ_ONLY' : 'READ_WRITE',
    memory_limit: `${memoryLimitMb}MiB`,
    threads: String(threads),
    checkpoint_threshold: `${checkpointMb}MiB`,
    // A file of another database (SQLite, say) must not make DuckDB download the extension that reads it.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  };
}

/** The schema, and settings that nobody can change afterwards. */
export function prepareInstance(instance: DuckDBInstance, readOnly: boolean): Promise<void> {
  return prepare(instance, (connection) => prepareSchema(connection, readOnly));
}

/** The same for a file that was made this moment: to look at what is in it takes longer than to make the schema. */
export function prepareNewInstance(instance: DuckDBInstance): Promise<void> {
  return prepare(instance, createSchema);
}

async function prepare(
  instance: DuckDBInstance,
  makeSchema: (connection: DuckDBConnection) => Promise<void>,
): Promise<void> {
  const connection = await instance.connect();
  try {
    await makeSchema(connection);
    await lockInstance(connection);
  } catch (cause) {
    connection.closeSync();
    instance.closeSync();
    throw cause;
  }
  connection.closeSync();
}

/** Another process has the file. */
export class OpenElsewhereError extends Error {
  readonly pid: number;

  constructor(path: string, pid: number) {
    const advice = 'end that process, or use another state directory';
    super(`Cannot open denial log "${path}": process ${pid} has it open; ${advice}`);
    this.pid = pid;
  }
}

/** The file is damaged, or not a denial log. */
class UnusableFileError extends Error {
  readonly reason: string;

  constructor(path: string, reason: string, cause: unknown) {
    const advice = `move "${path}" and "${path}.wal" away, then start again with an empty log`;
    super(`Cannot open denial log "${path}": ${reason}; ${advice}`, { cause });
    this.reason = reason;
  }
}

const LOCK_MESSAGE = /Could not set lock on file.*\(PID (\d+)\)/s;
/** DuckDB's errors for a file that it can no longer read. */
const DAMAGE_MESSAGE =
  /not a valid DuckDB|version number|Extension ".*" not found|[Cc]orrupt|checksum|replaying WAL|read enough bytes|invalidated|autocheckpoint failed|INTERNAL Error|Serialization Error/s;

/** Of the disk, in DuckDB's words; says nothing against the file. */
const FULL_DISK_MESSAGE = /No space left on device|Disk quota exceeded/;

/** Whether the disk is full: the file, and all that was stored in it, stays usable once there is space. */
export function isFullDisk(cause: unknown): boolean {
  return FULL_DISK_MESSAGE.test(messageOf(cause));
}

/** Whether the error means a damaged database, or one that DuckDB has invalidated, as it does on a full disk too. */
export function isDamage(cause: unknown): boolean {
  return DAMAGE_MESSAGE.test(messageOf(cause));
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function openError(path: string, cause: unknown): Error {
  const text = messageOf(cause);
  const lock = LOCK_MESSAGE.exec(text);
  if (lock) {
    return new OpenElsewhereError(path, Number(lock[1]));
  }
  if (cause instanceof ForeignFileError) {
    return new UnusableFileError(
      path,
      'the file holds another database or the log of another version',
      cause,
    );
  }
  const firstLine = text.split('\n')[0] ?? '';
  if (isFullDisk(cause)) {
    return new Error(`Cannot open denial log "${path}": the disk is full; free some space`, { cause });
  }
  if (isDamage(cause)) {
    return new UnusableFileError(path, `the file is damaged or no denial log (${firstLine})`, cause);
  }
  return new Error(`Cannot open denial log "${path}": ${firstLine}`, { cause });
}
