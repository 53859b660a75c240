// A whole denial log -> one who may read all of it.
import type { ReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../../lib/make-directories.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { DENIALS_RESOURCE } from '../../model/system-names.ts';
import { openFile } from '../query/parquet-answer.ts';
import { backUp } from '../store/duckdb/backup.ts';
import type { QueriedLog } from '../store/queried-log.ts';
import type { Asker } from './admit-person.ts';
import type { QueryPlace } from './answer-query.ts';
import { BusyError, CollectorError } from './collector-error.ts';

/** Throws a CollectorError. */
export type AnswerBackup = (asker: Asker) => Promise<ReadStream>;

export function answerBackups({ log }: Pick<QueryPlace, 'log'>): AnswerBackup {
  let isBusy = false;
  return async ({ workspaces, signal }) => {
    const whole = log?.whole;
    if (whole === undefined)
      throw new CollectorError(404, 'Cannot back up: the rows are elsewhere (--store); back them up there');
    if (workspaces !== 'all')
      throw new CollectorError(
        403,
        `Cannot back up: you may not get ${DENIALS_RESOURCE}.${GROUP} in the whole cluster; ask an administrator for a ClusterRoleBinding`,
      );
    if (isBusy) throw new BusyError(503, 'Cannot back up: another backup is being made; try again later');
    isBusy = true;
    const end = (): void => {
      isBusy = false;
    };
    try {
      return await makeBackup(whole);
    } finally {
      // A file that is being sent takes its place on the disk until it is.
      if (signal.aborted) end();
      else signal.addEventListener('abort', end);
    }
  };
}

async function makeBackup({ log, folder: parent }: NonNullable<QueriedLog['whole']>): Promise<ReadStream> {
  await makeDirectories(parent, 0o700);
  const folder = await mkdtemp(join(parent, 'backup-'));
  try {
    const path = join(folder, 'denials.duckdb');
    await backUp(log, path);
    return await openFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
