import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { rowsOf, withFolder } from '../../../../test/fixtures/denial-fixture.ts';
import { runQuery } from '../../query/run-query.ts';
import { OUTBOUND_TABLE } from '../log-tables.ts';
import { DenialStore } from './denial-store.ts';
import { queriedDenials } from './queried-denials.ts';

/** Of 2048 rows one is of workspace "rare": each is a chunk. */
const CHUNKS = 1500;
const MOST_MB = 200;

async function fill(path: string): Promise<void> {
  await (await DenialStore.open(path)).close();
  const instance = await DuckDBInstance.create(path, { threads: '1', memory_limit: '256MiB' });
  const connection = await instance.connect();
  const values = OUTBOUND_TABLE.columns.map(({ name, type }) => {
    if (name === 'workspace') return `CASE WHEN i % 2048 = 0 THEN 'rare' ELSE 'other' END`;
    return type === 'text' ? `'text of ${name}'` : 'NULL';
  });
  await connection.run(
    `INSERT INTO access.outbound_network SELECT ${values.join(', ')} FROM range(${CHUNKS * 2048}) AS t(i)`,
  );
  connection.closeSync();
  instance.closeSync();
}

async function grownMb(work: () => Promise<unknown>): Promise<number> {
  const megabytes = (): number => process.memoryUsage.rss() / 1024 / 1024;
  const before = megabytes();
  let highest = before;
  const timer = setInterval(() => (highest = Math.max(highest, megabytes())), 5);
  await work();
  clearInterval(timer);
  return Math.max(highest, megabytes()) - before;
}

test(
  'few rows of many take little memory, copied or as an answer',
  () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await fill(path);
      const store = await DenialStore.open(path);
      const asked = await grownMb(async () => {
        const rows = rowsOf(
          await runQuery(store, "SELECT * FROM access.outbound_network WHERE workspace = 'rare'"),
        );
        expect(rows.length).toBe(CHUNKS);
      });
      const copied = await grownMb(async () => {
        const copy = await queriedDenials(store, join(folder, 'queries')).copyVisible({
          ...{ workspaces: ['rare'], since: undefined, mostRows: 10_000, memoryMb: 64 },
        });
        await copy.remove();
      });
      await store.close();
      expect(Math.max(asked, copied)).toBeLessThan(MOST_MB);
    }),
  120_000,
);
