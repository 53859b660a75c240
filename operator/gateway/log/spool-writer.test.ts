import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../test/support/until.ts';
import { SpoolWriter } from './spool-writer.ts';

let folder: string;
let path: string;
let failures: Error[];
let log: SpoolWriter;
let counts: { dropped: number };
let notified: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-spool-'));
  path = join(folder, 'own.log');
  failures = [];
  counts = { dropped: 0 };
  notified = [];
  log = new SpoolWriter({
    path,
    counts,
    onFailure: (error) => void failures.push(error),
    onDropping: () => void notified.push('dropping'),
    onDropped: (lines) => void notified.push(`dropped ${lines}`),
  });
});

afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

test('SpoolWriter writes lines in order, by itself and at the end', async () => {
  log.append('one');
  log.append('two');
  await until('both lines are there', async () => (await textOf(path)) === 'one\ntwo\n');
  log.append('three');
  await log.close();
  expect(await textOf(path)).toBe('one\ntwo\nthree\n');
});

test('SpoolWriter writes to a new file once its own was renamed, and makes one after reopen()', async () => {
  log.append('one');
  await log.flush();
  await rename(path, `${path}.1`);
  log.append('two');
  await log.flush();
  expect([await textOf(`${path}.1`), await textOf(path)]).toEqual(['one\n', 'two\n']);
  await rename(path, `${path}.2`);
  await log.reopen();
  expect([await textOf(`${path}.2`), await textOf(path)]).toEqual(['two\n', '']);
});

test('SpoolWriter keeps lines that cannot be written, reports it, and writes them later', async () => {
  await mkdir(path);
  log.append('one');
  await until('the failure was reported', () => failures.length > 0);
  await rm(path, { recursive: true });
  log.append('two');
  await until('both lines are there', async () => (await textOf(path)) === 'one\ntwo\n');
  expect(failures[0]?.message).toContain('EISDIR');
});

test('SpoolWriter drops and counts lines when 64 MiB wait, and reports it once, and once more when there is room', async () => {
  await mkdir(path);
  const long = 'x'.repeat(64 * 1024 * 1024);
  log.append(long);
  log.append('two');
  expect([notified, counts.dropped]).toEqual([['dropping'], 1]);
  log.append('three');
  await until('the failure was reported', () => failures.length > 0);
  log.append('four');
  expect([notified, counts.dropped]).toEqual([['dropping'], 3]);
  await rm(path, { recursive: true });
  await log.flush();
  log.append('five');
  await log.flush();
  expect((await textOf(path)) === `${long}\nfive\n`).toBe(true);
  expect([notified, counts.dropped]).toEqual([['dropping', 'dropped 3'], 3]);
});

test('SpoolWriter says how many lines it has written or dropped, and not those that wait', async () => {
  await mkdir(path);
  log.append('one');
  log.append('two');
  await expect(log.flush()).rejects.toThrow('EISDIR');
  log.append('three');
  expect(log.writes).toEqual({ accepted: 0, failed: 0 });
  await rm(path, { recursive: true });
  await log.flush();
  expect(log.writes).toEqual({ accepted: 3, failed: 0 });
  await rm(path);
  await mkdir(path);
  log.append('four');
  await log.close();
  expect(log.writes).toEqual({ accepted: 4, failed: 1 });
});

test('SpoolWriter counts lines that it cannot write at the end, those that it tried before too', async () => {
  await mkdir(path);
  log.append('one');
  log.append('two');
  await until('the failure was reported', () => failures.length > 0);
  log.append('three');
  await log.close();
  expect([notified, counts.dropped]).toEqual([['dropping', 'dropped 3'], 3]);
});
