import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descriptorNotes, descriptorsOfProcess } from './descriptors.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descriptors-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function withLimit(soft: string) {
  const path = join(folder, 'limits');
  await writeFile(
    path,
    `Limit   Soft Limit   Hard Limit   Units\nMax open files            ${soft}  1048576  files\n`,
  );
  return await descriptorsOfProcess(path);
}

test.each([
  ['1048576', 60_000],
  ['unlimited', 60_000],
  ['20000', 8769],
  ['1024', 230],
])('descriptorsOfProcess() allows as many connections as %s descriptors do', async (soft, connections) => {
  expect(await withLimit(soft)).toMatchObject({ connections });
});

test('descriptorsOfProcess() throws rather than serve nobody, and says what to do', async () => {
  await expect(withLimit('512')).rejects.toThrow('raise the limit (ulimit -n) above 512');
});

test('descriptorNotes() says how many descriptors all connections need, where there are fewer', async () => {
  expect(descriptorNotes(await withLimit('20000'))).toEqual([
    '20000 file descriptors allow 8769 connections instead of 60000: raise the limit (ulimit -n) to 133846',
  ]);
  expect(descriptorNotes(await withLimit('133846'))).toEqual([]);
});
