// What somebody sees of a denial log who may not read all of it, for tests.
import { type QueryRows, runQuery } from '../../operator/denials/query/run-query.ts';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import type { VisibleOptions } from '../../operator/denials/store/duckdb/visible-copy.ts';
import type { QueriedLog } from '../../operator/denials/store/queried-log.ts';
import { rowsOf } from '../fixtures/denial-fixture.ts';

/** The answers to several questions, of one copy. */
export async function visibleRows(
  log: QueriedLog,
  questions: readonly string[],
  filter: Partial<VisibleOptions> = {},
): Promise<readonly QueryRows['rows'][]> {
  const copy = await log.copyVisible({ workspaces: 'all', mostRows: 10_000, memoryMb: 64, ...filter });
  const store = await DenialStore.open(copy.database, { readOnly: true });
  try {
    const answers: QueryRows['rows'][] = [];
    for (const sql of questions) answers.push(rowsOf(await runQuery(store, sql)));
    return answers;
  } finally {
    await store.close();
    await copy.remove();
  }
}
