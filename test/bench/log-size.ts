// Size of the denial log of a state directory on disk: the database, its write-ahead log, and both spools.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';

export async function logBytes(state: string): Promise<number> {
  const { database, envoyLog } = statePaths(state);
  const spools = (await readdir(envoyLog)).map((name) => join(envoyLog, name));
  const sizes = await Promise.all([database, `${database}.wal`, ...spools].map(bytesOf));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** A file may go at any time. */
async function bytesOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
