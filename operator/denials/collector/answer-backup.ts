// A whole denial log -> one who may read all of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { makeDirectories } from '../../lib/make-directories.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { DENIALS_RESOURCE } from '../../model/system-names.ts';
import { openFile } from '../query/parquet-answer.ts';
import { backUp } from '../store/duckdb/backup.ts';
import type { QueryPlace } from './answer-query.ts';
import type { PersonCaller } from './caller.ts';
import { CollectorError } from './collector-error.ts';

/** Throws a CollectorError. */
export type AnswerBackup = (person: PersonCaller) => Promise<Readable>;

export function answerBackups({ log, readable }: Pick<QueryPlace, 'log' | 'readable'>): AnswerBackup {
  let isBusy = false;
  return async (person) => {
    const whole = log?.whole;
    if (whole === undefined)
      throw new CollectorError(404, 'Cannot back up: the rows are elsewhere (--store); back them up there');
    if ((await readable(person, async () => [])) !== 'all')
      throw new CollectorError(
        403,
        `Cannot back up: you may not get ${DENIALS_RESOURCE}.${GROUP} in the whole cluster; ask an administrator for a ClusterRoleBinding`,
      );
    if (isBusy)
      throw new CollectorError(503, 'Cannot back up: another backup is being made; try again later');
    isBusy = true;
    try {
      await makeDirectories(whole.folder, 0o700);
      const folder = await mkdtemp(join(whole.folder, 'backup-'));
      try {
        const path = join(folder, 'denials.duckdb');
        await backUp(whole.log, path);
        return await openFile(path);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    } finally {
      isBusy = false;
    }
  };
}
