import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endTornLine } from './torn-line.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-torn-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['', ''],
  ['one\n', 'one\n'],
  ['one\n{"torn', 'one\n{"torn\n'],
])('endTornLine() makes %j into %j', async (before, after) => {
  const path = join(folder, 'access.log');
  await writeFile(path, before);
  await endTornLine(path);
  expect(await readFile(path, 'utf8')).toBe(after);
});

test('endTornLine() does nothing where there is no log', async () => {
  const path = join(folder, 'access.log');
  await endTornLine(path);
  await expect(readFile(path)).rejects.toThrow('ENOENT');
});
