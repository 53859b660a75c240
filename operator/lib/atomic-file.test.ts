import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readIfExists, replaceFile, syncFiles, writeFileAtomic } from './atomic-file.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-atomic-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test('writeFileAtomic() replaces the text and leaves no temporary file', async () => {
  const path = join(directory, 'a.json');
  expect(await writeFileAtomic(path, 'one')).toBe(true);
  expect(await writeFileAtomic(path, 'two')).toBe(true);
  expect(await readFile(path, 'utf8')).toBe('two');
  expect(await readdir(directory)).toEqual(['a.json']);
});

test('writeFileAtomic() leaves a file alone that already holds the text', async () => {
  const path = join(directory, 'a.json');
  await writeFileAtomic(path, 'one');
  const before = await stat(path);
  expect(await writeFileAtomic(path, 'one')).toBe(false);
  expect((await stat(path)).ino).toBe(before.ino);
});

test('writeFileAtomic() shows a reader the old text or the new one, never a mixture', async () => {
  const path = join(directory, 'a.json');
  const texts = ['a', 'b'].map((letter) => letter.repeat(200_000));
  await writeFileAtomic(path, texts[0] ?? '');
  let writing = true;
  const writer = (async () => {
    for (let round = 1; round <= 20; round += 1) {
      await writeFileAtomic(path, texts[round % 2] ?? '');
    }
    writing = false;
  })();
  const seen = new Set<string | undefined>();
  while (writing) {
    seen.add(await readIfExists(path));
  }
  await writer;
  expect([...seen].every((text) => texts.includes(text ?? ''))).toBe(true);
});

test('replaceFile() removes its temporary file when the rename fails', async () => {
  await writeFileAtomic(join(directory, 'taken'), 'x');
  await expect(replaceFile(directory, 'text')).rejects.toThrow();
  expect(await readdir(directory)).toEqual(['taken']);
});

test('readIfExists() answers undefined for a missing file and throws for a directory', async () => {
  expect(await readIfExists(join(directory, 'none'))).toBeUndefined();
  await expect(readIfExists(directory)).rejects.toThrow('EISDIR');
});

test('a file that waits for no disk is there at once, complete, and for whom it should be', async () => {
  const path = join(directory, 'a.json');
  await replaceFile(path, 'one', { mode: 0o600, isDurable: false });
  await replaceFile(path, 'two', { mode: 0o600, isDurable: false });
  expect(await readFile(path, 'utf8')).toBe('two');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(directory)).toEqual(['a.json']);
});

test('syncFiles() takes files that have been removed, and says what it cannot do', async () => {
  const path = join(directory, 'a.json');
  await replaceFile(path, 'one', { isDurable: false });
  await syncFiles([path, join(directory, 'removed'), join(directory, 'gone', 'b.json')]);
  await expect(syncFiles([join(path, 'below-a-file')])).rejects.toThrow('ENOTDIR');
});
