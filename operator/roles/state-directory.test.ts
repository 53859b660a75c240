import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareStateDirectory, statePaths } from './state-directory.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-state-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

test('statePaths() keeps everything below the directory', () => {
  const { root, ...paths } = statePaths('/state');
  expect(root).toBe('/state');
  expect(Object.values(paths).every((path) => path.startsWith('/state/'))).toBe(true);
});

test('prepareStateDirectory() makes the directory with its parents, and finds one that is there', async () => {
  const root = join(directory, 'a/b');
  const paths = await prepareStateDirectory(root);
  expect((await stat(paths.envoyLog)).isDirectory()).toBe(true);
  expect(await prepareStateDirectory(root)).toEqual(paths);
});

test('prepareStateDirectory() follows a link to a directory', async () => {
  const link = join(directory, 'link');
  await symlink(directory, link);
  await prepareStateDirectory(link);
  expect((await stat(join(directory, 'envoy/log'))).isDirectory()).toBe(true);
});

test('prepareStateDirectory() says that a file is in the way', async () => {
  const root = join(directory, 'file');
  await writeFile(root, '');
  const message = `Cannot write to state directory "${root}": it is a file; choose another with --state`;
  await expect(prepareStateDirectory(root)).rejects.toThrow(message);
});

test('prepareStateDirectory() ends where the system refuses a directory without a reason', async () => {
  const message = 'Cannot write to state directory "/proc/sallyport": ENOENT';
  await expect(prepareStateDirectory('/proc/sallyport')).rejects.toThrow(message);
});

test('prepareStateDirectory() counts the bytes of the longest socket path', async () => {
  const longest = 107 - Buffer.byteLength('/envoy/admin.sock');
  const padded = (bytes: number): string => `${directory}/${'x'.repeat(bytes - directory.length - 1)}`;
  await prepareStateDirectory(padded(longest));
  const message = 'its sockets would have paths of over 107 bytes; choose a shorter one with --state';
  await expect(prepareStateDirectory(padded(longest + 1))).rejects.toThrow(message);
});
