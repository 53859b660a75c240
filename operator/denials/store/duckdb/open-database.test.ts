import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

import { countsOf, rowsOf, sampleBatch, withFolder } from '../../../../test/fixtures/denial-fixture.ts';
import { inboundBatch } from '../../../../test/fixtures/inbound-fixture.ts';
import { runQuery } from '../../query/run-query.ts';
import { DenialStore } from './denial-store.ts';

async function otherDatabase(path: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

/** In the order in which they were added. */
const IDENTITY = ['pod', 'pod_uid', 'node', 'owner', 'who', 'lost', 'protocol'];

async function withoutColumns(path: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await otherDatabase(path, `alter table access.outbound_network drop column ${name}`);
  }
  await otherDatabase(path, 'alter table if exists access.inbound_network drop column lost');
  await otherDatabase(path, 'drop table if exists access.entry_uses');
}

/** A log with rows, changed by `damage` after it was closed in good order. */
async function damagedLog(path: string, damage: (bytes: Buffer) => Buffer): Promise<void> {
  const store = await DenialStore.open(path);
  await store.append(sampleBatch(0, 500));
  await store.close();
  await writeFile(path, damage(await readFile(path)));
}

function flipped(bytes: Buffer, from: number): Buffer {
  return Buffer.from(bytes.map((byte, at) => (at >= from && at < from + 64 ? byte ^ 0xff : byte)));
}

/** The write-ahead log of a process that was killed, with bytes within its first table that nobody wrote. */
async function damagedWal(path: string): Promise<void> {
  const child = openElsewhere(path);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const bytes = await readFile(`${path}.wal`);
  await writeFile(`${path}.wal`, flipped(bytes, Math.floor(bytes.length / 4)));
}

const sqliteHeader = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8000)]);
const foreignLog = 'create schema access; create table access.outbound_network (account_id varchar)';

const uselessFiles: readonly (readonly [what: string, make: (path: string) => Promise<void>, why: string])[] =
  [
    ['text', (path) => writeFile(path, 'no database'), 'the file is damaged or no denial log'],
    ['a SQLite database', (path) => writeFile(path, sqliteHeader), 'the file is damaged or no denial log'],
    [
      'a log that was overwritten from 4 KiB on',
      (path) => damagedLog(path, (bytes) => bytes.fill(7, 4096)),
      'the file is damaged or no denial log',
    ],
    [
      'a log that was cut short',
      (path) => damagedLog(path, (bytes) => bytes.subarray(0, 100_000)),
      'the file is damaged or no denial log',
    ],
    ['a log with a flipped header', (path) => damagedLog(path, (bytes) => flipped(bytes, 8)), 'damaged'],
    ['a log with a flipped block', (path) => damagedLog(path, (bytes) => flipped(bytes, 13_000)), 'checksum'],
    ['a write-ahead log that cannot be replayed', damagedWal, 'the file is damaged or no denial log'],
    [
      'another database',
      (path) => otherDatabase(path, 'create table t (i int)'),
      'the file holds another database',
    ],
    ['a log of another version', (path) => otherDatabase(path, foreignLog), 'the log of another version'],
  ];

/** A process that opens the log, stores two rows, says so, and waits to be killed. */
function openElsewhere(path: string) {
  const source = `
    import { DenialStore } from ${JSON.stringify(import.meta.resolve('./denial-store.ts'))};
    import { sampleBatch } from ${JSON.stringify(import.meta.resolve('../../../../test/fixtures/denial-fixture.ts'))};
    const store = await DenialStore.open(${JSON.stringify(path)});
    await store.append(sampleBatch(0, 2));
    process.stdout.write('stored');
    process.stdin.resume();`;
  return spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

describe('openDatabase()', () => {
  test.each(uselessFiles)('sets %s aside, says why, and begins a new log', (_, make, why) =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await make(path);
      const before = await readFile(path);
      const rejected = DenialStore.open(path, { readOnly: true });
      await expect(rejected).rejects.toThrow(`Cannot open denial log "${path}": `);
      await expect(rejected).rejects.toThrow(`move "${path}" and "${path}.wal" away`);
      expect((await readFile(path)).equals(before)).toBe(true);
      const store = await DenialStore.open(path);
      expect(store.setAside).toEqual({
        path: expect.stringMatching(/\/denials-damaged-\d{8}T\d{6}Z\.duckdb$/),
        reason: expect.stringContaining(why),
      });
      expect((await readFile(store.setAside?.path ?? '')).equals(before)).toBe(true);
      expect(await store.append(sampleBatch(0, 3))).toEqual({ stored: 3, duplicates: 0 });
      await store.close();
      const again = await DenialStore.open(path);
      expect(again.setAside).toBeUndefined();
      expect((await countsOf(again))?.['total']).toBe(3);
      await again.close();
    }),
  );

  test('begins a new log in an empty file, which a full disk leaves', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await writeFile(path, '');
      const store = await DenialStore.open(path);
      expect(store.setAside).toBeUndefined();
      expect(await store.append(sampleBatch(0, 3))).toEqual({ stored: 3, duplicates: 0 });
      await store.close();
    }));

  test('gives the log of the version before access lists the table that it lacks, and keeps its rows', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      const store = await DenialStore.open(path);
      await store.append(sampleBatch(0, 2, { repeats: 3 }));
      await store.close();
      await otherDatabase(path, 'drop table access.inbound_network');
      await withoutColumns(path, IDENTITY);
      const reader = await DenialStore.open(path, { readOnly: true });
      expect((await countsOf(reader))?.['total']).toBe(2);
      await reader.close();
      for (const [from, to] of [
        [0, 1],
        [1, 2],
      ] as const) {
        const newer = await DenialStore.open(path);
        expect(newer.setAside).toBeUndefined();
        expect(await newer.inbound.append(inboundBatch(from, to))).toEqual({ stored: 1, duplicates: 0 });
        await newer.close();
      }
      const newer = await DenialStore.open(path, { readOnly: true });
      const sql = `select (select sum(repeats) from access.outbound_network)::int as outbound,
        (select count(*) from access.inbound_network)::int as inbound`;
      expect(rowsOf(await runQuery(newer, sql))).toEqual([{ outbound: 6, inbound: 2 }]);
      await newer.close();
    }));

  test('gives the log of the version before pods were looked up the columns that it lacks', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      const store = await DenialStore.open(path);
      await store.append(sampleBatch(0, 1, { pod: 'forgotten', lost: 7 }));
      await store.inbound.append(inboundBatch(0, 1));
      await store.close();
      await withoutColumns(path, IDENTITY);
      const reader = await DenialStore.open(path, { readOnly: true });
      expect((await countsOf(reader))?.['total']).toBe(1);
      await reader.close();
      const newer = await DenialStore.open(path);
      expect(newer.setAside).toBeUndefined();
      await newer.append(sampleBatch(1, 2, { pod: 'etl-0', who: 'POD', owner: 'StatefulSet/etl' }));
      const sql = 'select pod, owner, who, lost::int as lost from access.outbound_network order by sequence';
      expect(rowsOf(await runQuery(newer, sql))).toEqual([
        { pod: null, owner: null, who: null, lost: 0 },
        { pod: 'etl-0', owner: 'StatefulSet/etl', who: 'POD', lost: 0 },
      ]);
      expect(await newer.inbound.append(inboundBatch(1, 2))).toEqual({ stored: 1, duplicates: 0 });
      await newer.close();
      await (await DenialStore.open(path)).close();
    }));

  test('gives the log of the version before protocols were kept the column that it lacks', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      const store = await DenialStore.open(path);
      await store.append(sampleBatch(0, 1, { protocol: 'HTTP' }));
      await store.close();
      await otherDatabase(path, 'drop table access.entry_uses');
      await otherDatabase(path, 'alter table access.outbound_network drop column protocol');
      const newer = await DenialStore.open(path);
      expect(newer.setAside).toBeUndefined();
      await newer.append(sampleBatch(1, 2, { protocol: 'TCP' }));
      const sql = 'select protocol from access.outbound_network order by sequence';
      expect(rowsOf(await runQuery(newer, sql))).toEqual([{ protocol: null }, { protocol: 'TCP' }]);
      await newer.close();
    }));

  test('gives the log of the first version the columns and the table that it lacks', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      const store = await DenialStore.open(path);
      await store.append(sampleBatch(0, 2));
      await store.close();
      await otherDatabase(path, 'drop table access.inbound_network');
      await withoutColumns(path, [...IDENTITY, 'sample', 'repeats']);
      const reader = await DenialStore.open(path, { readOnly: true });
      expect((await countsOf(reader))?.['total']).toBe(2);
      await reader.close();
      const newer = await DenialStore.open(path);
      expect(newer.setAside).toBeUndefined();
      await newer.append(sampleBatch(2, 3, { repeats: 5, sample: ['a.example'] }));
      const sql = 'select repeats, sample from access.outbound_network order by sequence';
      expect(rowsOf(await runQuery(newer, sql))).toEqual([
        { repeats: 1, sample: null },
        { repeats: 1, sample: null },
        { repeats: 5, sample: ['a.example'] },
      ]);
      expect(await newer.inbound.append(inboundBatch(0, 1))).toEqual({ stored: 1, duplicates: 0 });
      await newer.close();
    }));

  test('gives the log of the version before totals were kept those of the rows that are there', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      const store = await DenialStore.open(path);
      await store.append(sampleBatch(0, 3, { repeats: 2 }));
      await store.inbound.append(inboundBatch(0, 1));
      await store.close();
      for (const column of ['sequence', 'denials', 'stored_at'])
        await otherDatabase(path, `alter table sallyport.log_positions drop column ${column}`);
      const reader = await DenialStore.open(path, { readOnly: true });
      expect((await countsOf(reader))?.['total']).toBe(3);
      await reader.close();
      const newer = await DenialStore.open(path);
      expect(newer.setAside).toBeUndefined();
      expect(await newer.progress('gw-1')).toMatchObject({ lastSequence: 3, denials: 6 });
      expect(await newer.inbound.progress('gw-2')).toMatchObject({ lastSequence: 1, denials: 1 });
      await newer.append(sampleBatch(3, 5));
      await newer.close();
      const again = await DenialStore.open(path);
      expect(await again.progress('gw-1')).toMatchObject({ lastSequence: 5, denials: 8 });
      await again.close();
    }));

  test('sets a log aside that it is configured to mistrust, under a name of its own each time', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await (await DenialStore.open(path)).close();
      const first = await DenialStore.open(path, { mistrusted: 'it ended three processes' });
      await first.close();
      const second = await DenialStore.open(path, { mistrusted: 'it ended three processes' });
      await second.close();
      expect(first.setAside?.reason).toBe('it ended three processes');
      expect((await readdir(folder)).filter((name) => name.endsWith('.duckdb'))).toHaveLength(3);
    }));

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
      expect((await countsOf(store))?.['total']).toBe(2);
      await store.close();
    }));

  test('reads but does not write when read-only', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      await (await DenialStore.open(path)).close();
      const store = await DenialStore.open(path, { readOnly: true });
      expect((await countsOf(store))?.['total']).toBe(0);
      await expect(store.append(sampleBatch(0, 1))).rejects.toThrow('readonly');
      await store.close();
    }));
});
