// A query of a person -> its rows as a Parquet file that nobody sees but its reader.
import type { ReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../../lib/make-directories.ts';
import { type QueriedStore, type QueryOptions, type QueryRejection, writeQuery } from './run-query.ts';

/** The file is in `parent`, which is made where it is absent, until it is written. */
export async function parquetAnswer(
  store: QueriedStore,
  sql: string,
  { parent, ...options }: QueryOptions & { readonly parent: string },
): Promise<ReadStream | QueryRejection> {
  await makeDirectories(parent, 0o700);
  const folder = await mkdtemp(join(parent, 'answer-'));
  try {
    const path = join(folder, 'rows.parquet');
    const written = await writeQuery(store, sql, { ...options, path });
    return 'error' in written ? written : await openFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** It can be read also after its name is gone. */
export async function openFile(path: string): Promise<ReadStream> {
  return (await open(path)).createReadStream();
}
