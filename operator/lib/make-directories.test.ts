import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDirectories } from './make-directories.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sallyport-directories-'));
});
afterEach(() => rm(root, { recursive: true }));

test('makes a directory with its parents, and one that is there is enough', async () => {
  const path = join(root, 'a/b/c');
  await makeDirectories(path, 0o700);
  await makeDirectories(path, 0o700);
  expect((await stat(join(root, 'a'))).mode & 0o777).toBe(0o700);
  expect((await stat(path)).isDirectory()).toBe(true);
});

test('several may make the same at once', async () => {
  for (let round = 0; round < 50; round += 1) {
    const path = join(root, `${round}/a/b/c/d`);
    await Promise.all(Array.from({ length: 20 }, () => makeDirectories(path)));
    expect((await stat(path)).isDirectory()).toBe(true);
  }
});

test.each(['', '/', '/below'])('says what is in the way: a file%s', async (below) => {
  await writeFile(join(root, 'file'), '');
  await expect(makeDirectories(join(root, `file${below}`))).rejects.toMatchObject({
    code: expect.stringMatching(/^(EEXIST|ENOTDIR)$/),
  });
});

test.each(['/proc/sallyport', '/proc/sallyport/below/it'])(
  'ends where nothing can be made: %s',
  async (path) => {
    await expect(makeDirectories(path)).rejects.toMatchObject({ code: 'ENOENT' });
  },
);

test('ends at a link that leads nowhere', async () => {
  await symlink(join(root, 'nowhere'), join(root, 'link'));
  await expect(makeDirectories(join(root, 'link/below'))).rejects.toMatchObject({
    code: expect.stringMatching(/^E/),
  });
});
