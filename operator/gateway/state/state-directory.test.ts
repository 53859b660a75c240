import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
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
  const { paths, notes } = await prepareStateDirectory(root);
  expect((await stat(paths.envoyLog)).isDirectory()).toBe(true);
  expect(notes).toEqual([]);
  expect(await prepareStateDirectory(root)).toMatchObject({ paths, notes });
});

test('prepareStateDirectory() follows a link to a directory', async () => {
  const link = join(directory, 'link');
  await symlink(directory, link);
  await prepareStateDirectory(link);
  expect((await stat(join(directory, 'envoy/log'))).isDirectory()).toBe(true);
});

test('prepareStateDirectory() reports a file at its path', async () => {
  const root = join(directory, 'file');
  await writeFile(root, '');
  const message = `Cannot write to state directory "${root}": it is a file; choose another with --state`;
  await expect(prepareStateDirectory(root)).rejects.toThrow(message);
});

test('prepareStateDirectory() ends where the system rejects a directory without a reason', async () => {
  const message = 'Cannot write to state directory "/proc/sallyport": ENOENT';
  await expect(prepareStateDirectory('/proc/sallyport')).rejects.toThrow(message);
});

test('prepareStateDirectory() counts the bytes of the longest socket path', async () => {
  const longest = 107 - Buffer.byteLength('/ingress/envoy/admin.sock');
  const padded = (bytes: number): string => `${directory}/${'x'.repeat(bytes - directory.length - 1)}`;
  await prepareStateDirectory(padded(longest));
  const message = 'its sockets would have paths of over 107 bytes; choose a shorter one with --state';
  await expect(prepareStateDirectory(padded(longest + 1))).rejects.toThrow(message);
});

test('prepareStateDirectory() removes the permissions of others from a directory of its user, and reports it', async () => {
  const root = join(directory, 'wide');
  await mkdir(join(root, 'envoy'), { recursive: true });
  await writeFile(join(root, 'ports.json'), '{}');
  for (const [name, mode] of [
    ['', 0o755],
    ['envoy', 0o2775],
    ['ports.json', 0o644],
  ] as const) {
    await chmod(join(root, name), mode);
  }
  const { notes } = await prepareStateDirectory(root);
  expect(notes).toEqual([
    `Took from other users their rights to 3 files and directories of state directory "${root}"`,
  ]);
  const modes = await Promise.all(
    ['', 'envoy', 'envoy/log', 'ports.json'].map(
      async (name) => (await stat(join(root, name))).mode & 0o7777,
    ),
  );
  expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
  expect((await prepareStateDirectory(root)).notes).toEqual([]);
});

test('prepareStateDirectory() makes later files private, too', async () => {
  await prepareStateDirectory(join(directory, 'own'));
  await writeFile(join(directory, 'own/file'), '');
  expect((await stat(join(directory, 'own/file'))).mode & 0o777).toBe(0o600);
});

test.each([
  [0o777, '0777'],
  [0o772, '0772'],
])('prepareStateDirectory() rejects a parent in which others may rename it (mode %s)', async (mode, text) => {
  const parent = join(directory, 'open');
  await mkdir(parent);
  await chmod(parent, mode);
  const root = join(parent, 'own');
  await expect(prepareStateDirectory(root)).rejects.toThrow(
    `Cannot use state directory "${root}": others may rename what is in its parent "${parent}" (mode ${text}); take that right away with "chmod go-w ${parent}", or choose another with --state`,
  );
  await chmod(parent, mode | 0o1000);
  expect((await prepareStateDirectory(root)).paths.root).toBe(root);
});

test('prepareStateDirectory() checks the way behind a link, too', async () => {
  const parent = join(directory, 'open');
  await mkdir(join(parent, 'own'), { recursive: true });
  await chmod(parent, 0o777);
  const link = join(directory, 'link');
  await symlink(join(parent, 'own'), link);
  await expect(prepareStateDirectory(link)).rejects.toThrow(`its parent "${parent}" (mode 0777)`);
});
