// A denial log in DuckDB, as people ask it: the log itself for those who may read all, a copy of their rows for others.
import { QUERIED_TABLES } from '../log-tables.ts';
import type { QueriedLog } from '../queried-log.ts';
import { passChunks } from './day-rows.ts';
import type { DenialStore } from './denial-store.ts';
import { copyVisible, type FillTable } from './visible-copy.ts';

/** `folder`: for copies and answers. */
export function queriedDenials(store: DenialStore, folder: string): QueriedLog {
  return {
    whole: { log: store, folder },
    workspaces: () => workspacesOf(store),
    copyVisible: (options) => copyVisible(fillFrom(store), folder, options),
  };
}

function workspacesOf(store: DenialStore): Promise<readonly string[]> {
  return store.withReader(async (connection) => {
    const tables = QUERIED_TABLES.map(({ name }) => `SELECT workspace FROM access.${name}`);
    const result = await connection.run(
      `SELECT DISTINCT workspace FROM (${tables.join(' UNION ALL ')}) WHERE workspace IS NOT NULL`,
    );
    return (await result.getRows()).map(([workspace]) => String(workspace));
  });
}

function fillFrom(store: DenialStore): FillTable {
  return (target, { name }, { workspaces, since, mostRows }) =>
    store.withReader(async (connection) => {
      const wanted = workspaces === 'all' ? [] : workspaces;
      const values: Record<string, string> = Object.fromEntries(
        wanted.map((workspace, at) => [`w${at}`, workspace]),
      );
      const list = ['NULL', ...Object.keys(values).map((key) => `$${key}`)].join(', ');
      const conditions = workspaces === 'all' ? ['true'] : [`workspace IN (${list})`];
      if (since !== undefined) {
        values['since'] = since;
        conditions.push('event_time >= $since::TIMESTAMPTZ');
      }
      const sql = `SELECT * FROM access.${name} WHERE ${conditions.join(' AND ')}
        ORDER BY event_time DESC LIMIT ${mostRows + 1}`;
      const appender = await target.createAppender(name, 'access');
      let rows = 0;
      try {
        const result = await connection.stream(sql, values);
        await passChunks(result, (chunk) => {
          rows += chunk.rowCount;
          appender.appendDataChunk(chunk);
        });
      } finally {
        appender.closeSync();
      }
      return rows;
    });
}
