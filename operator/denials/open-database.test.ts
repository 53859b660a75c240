import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

import { sampleBatch, withFolder } from '../../test/fixtures/denial-fixture.ts';
import { DenialStore } from './denial-store.ts';

async function otherDatabase(path: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

async function damagedLog(path: string): Promise<void> {
  await (await DenialStore.open(path)).close();
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(7, 4096));
}

const sqliteHeader = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8000)]);
const olderLog = 'create schema access; create table access.outbound_network (account_id varchar)';

const refusedFiles: readonly (readonly [what: string, make: (path: string) => Promise<void>, why: string])[] =
  [
    ['text', (path) => writeFile(path, 'no database'), 'the file is damaged or no denial log'],
    ['an empty file', (path) => writeFile(path, ''), 'the file is damaged or no denial log'],
    ['a SQLite database', (path) => writeFile(path, sqliteHeader), 'the file is damaged or no denial log'],
    ['a damaged denial log', damagedLog, 'the file is damaged or no denial log'],
    [
      'another database',
      (path) => otherDatabase(path, 'create table t (i int)'),
      'the file holds another database',
    ],
    ['a log of another version', (path) => otherDatabase(path, olderLog), 'the log of another version'],
  ];

/** A process that opens the log, stores two rows, says so, and waits to be killed. */
function openElsewhere(path: string) {
  const source = `
    import { DenialStore } from ${JSON.stringify(import.meta.resolve('./denial-store.ts'))};
    import { sampleBatch } from ${JSON.stringify(import.meta.resolve('../../test/fixtures/denial-fixture.ts'))};
    const store = await DenialStore.open(${JSON.stringify(path)});
    await store.append(sampleBatch(0, 2));
    process.stdout.write('stored');
    process.stdin.resume();`;
  return spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

describe('openDatabase()', () => {
  test.each(refusedFiles)('refuses %s and leaves it alone', (_, make, why) =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await make(path);
      const before = await readFile(path);
      await expect(DenialStore.open(path)).rejects.toThrow(`Cannot open denial log "${path}": `);
      await expect(DenialStore.open(path)).rejects.toThrow(why);
      await expect(DenialStore.open(path)).rejects.toThrow(`move "${path}" and "${path}.wal" away`);
      expect(await readFile(path)).toEqual(before);
    }),
  );

  test('names the folder in the way', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await mkdir(path);
      await expect(DenialStore.open(path)).rejects.toThrow(/^Cannot open denial log ".*": .*Is a directory/);
    }));

  test('names the process that has the log open, and opens it when that one was killed', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      const child = openElsewhere(path);
      await once(child.stdout, 'data');
      await expect(DenialStore.open(path)).rejects.toThrow(`process ${child.pid} has it open`);
      await expect(DenialStore.open(path, { readOnly: true })).rejects.toThrow('has it open');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const store = await DenialStore.open(path);
      expect((await store.counts()).total).toBe(2);
      await store.close();
    }));

  test('reads but does not write when read-only', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await (await DenialStore.open(path)).close();
      const store = await DenialStore.open(path, { readOnly: true });
      expect((await store.counts()).total).toBe(0);
      await expect(store.append(sampleBatch(0, 1))).rejects.toThrow('readonly');
      await store.close();
    }));
});
