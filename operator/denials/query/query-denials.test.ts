import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { sampleBatch, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { parquetRows } from '../../../test/support/parquet-rows.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { queryDenials, queryParquet } from './query-denials.ts';
import { serveQueries } from './query-socket.ts';

const sql = 'select count(*) as n from system.access.outbound_network';

async function openLog(folder: string, rows: number): Promise<DenialStore> {
  const store = await DenialStore.open(join(folder, 'denials.duckdb'));
  await store.append(sampleBatch(0, rows));
  return store;
}

function query(folder: string, database = 'denials.duckdb') {
  return queryDenials({ ...placesIn(folder), database: join(folder, database), sql });
}

function placesIn(folder: string) {
  return {
    querySocket: join(folder, 'query.sock'),
    querySecret: join(folder, 'query.secret'),
    database: join(folder, 'denials.duckdb'),
  };
}

function serve(store: DenialStore, folder: string) {
  const { querySocket: socketPath, querySecret: secretPath } = placesIn(folder);
  return serveQueries(store, { socketPath, secretPath });
}

const counted = (n: number) => ({ columns: ['n'], rows: [{ n }], truncated: false });

describe('queryDenials()', () => {
  test('asks the process that has the log open', () =>
    withFolder(async (folder) => {
      const store = await openLog(folder, 3);
      const server = await serve(store, folder);
      expect(await query(folder, 'absent.duckdb')).toEqual(counted(3));
      await server.close();
      await store.close();
    }));

  test('has rows as Parquet, of the process or of the file', () =>
    withFolder(async (folder) => {
      const store = await openLog(folder, 5000);
      const server = await serve(store, folder);
      const place = placesIn(folder);
      const all = 'from system.access.outbound_network';
      for (const step of ['process', 'file']) {
        const file = join(folder, `${step}.parquet`);
        const answer = await queryParquet({ ...place, sql: all });
        expect(answer).toBeInstanceOf(Readable);
        await writeFile(file, answer as Readable);
        const rows = await parquetRows(file, 'count(*) AS n, sum(sequence) AS numbers, max(port) AS port');
        expect(rows).toEqual([{ n: '5000', numbers: '12502500', port: 443 }]);
        expect(await queryParquet({ ...place, sql: 'select nothing' })).toEqual({
          error: expect.stringContaining('Referenced column "nothing"'),
        });
        // The same from the file, where no process has it open.
        if (step === 'process') await Promise.all([server.close(), store.close()]);
      }
      expect((await readdir(folder)).filter((name) => name === 'queries')).toHaveLength(1);
      expect(await readdir(join(folder, 'queries'))).toEqual([]);
    }));

  test('is rejected with the secret of a former start', () =>
    withFolder(async (folder) => {
      const store = await openLog(folder, 3);
      const server = await serve(store, folder);
      const { querySecret } = placesIn(folder);
      const former = await readFile(querySecret);
      await server.close();
      const next = await serve(store, folder);
      expect(await query(folder)).toEqual(counted(3));
      await writeFile(querySecret, former);
      expect(await query(folder)).toEqual({ error: expect.stringContaining('another secret than') });
      await rm(querySecret);
      expect(await query(folder)).toEqual({ error: expect.stringContaining('no secret') });
      await next.close();
      await store.close();
    }));

  test('opens the file where nobody serves the socket', () =>
    withFolder(async (folder) => {
      await (await openLog(folder, 4)).close();
      expect(await query(folder)).toEqual(counted(4));
      expect(await readdir(folder)).toEqual(['denials.duckdb']);
    }));

  test('reads what a killed process had written', () =>
    withFolder(async (folder) => {
      const store = await openLog(folder, 5);
      for (const end of ['', '.wal']) {
        await copyFile(join(folder, `denials.duckdb${end}`), join(folder, `crashed.duckdb${end}`));
      }
      await store.close();
      expect(await query(folder, 'crashed.duckdb')).toEqual(counted(5));
    }));

  test('says what to do where there is no log, and creates none', () =>
    withFolder(async (folder) => {
      const error = `No denial log in "${join(folder, 'denials.duckdb')}": start "sallyport run …" first`;
      expect(await query(folder)).toEqual({ error });
      expect(await readdir(folder)).toEqual([]);
    }));

  test('answers a rejection as the process does', () =>
    withFolder(async (folder) => {
      const store = await openLog(folder, 1);
      const place = placesIn(folder);
      const server = await serve(store, folder);
      const served = await queryDenials({ ...place, sql: 'drop table x' });
      await server.close();
      await store.close();
      expect(served).toEqual({ error: expect.stringContaining('only SELECT is allowed') });
      expect(await queryDenials({ ...place, sql: 'drop table x' })).toEqual(served);
    }));

  test('rejects a socket path that the system would truncate', async () => {
    const answer = await queryDenials({ ...placesIn(`/${'x'.repeat(200)}`), sql });
    expect(answer).toEqual({ error: expect.stringContaining('choose a shorter folder') });
  });
});
