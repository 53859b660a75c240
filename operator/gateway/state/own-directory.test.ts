import { chmod, lstat, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkWay, currentOwners, type Owners, takeForOurselves } from './own-directory.ts';

let directory: string;
/** Of the user who runs this. */
let own: Owners;
/** Everything here belongs to somebody else, as seen by this user. */
let stranger: Owners;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-own-')));
  own = await currentOwners();
  const uid = own.uid + 4711;
  stranger = { uid, gid: uid, trusted: new Set([uid]) };
});

afterEach(() => rm(directory, { recursive: true, force: true }));

test('currentOwners() names this user', () => {
  expect(own).toMatchObject({ uid: process.geteuid?.(), gid: process.getegid?.() });
});

test('takeForOurselves() rejects a directory that another user made, and leaves it as it is', async () => {
  const path = join(directory, 'theirs');
  await mkdir(path);
  await chmod(path, 0o755);
  await expect(takeForOurselves(path, stranger)).rejects.toThrow(
    `"${path}" belongs to ${own.uid === 0 ? 'root' : `the user with uid ${own.uid}`} and not to this user (uid ${stranger.uid})`,
  );
  expect((await stat(path)).mode & 0o777).toBe(0o755);
});

test('takeForOurselves() follows no link out of the directory', async () => {
  const outside = join(directory, 'outside');
  await writeFile(outside, '');
  await chmod(outside, 0o644);
  await mkdir(join(directory, 'own'), 0o700);
  await symlink(outside, join(directory, 'own/link'));
  await chmod(join(directory, 'own'), 0o700);
  expect(await takeForOurselves(join(directory, 'own'), own)).toBe(0);
  expect((await stat(outside)).mode & 0o777).toBe(0o644);
  expect((await lstat(join(directory, 'own/link'))).isSymbolicLink()).toBe(true);
});

test('takeForOurselves() counts no directory that has only the bit of its volume', async () => {
  await chmod(directory, 0o2700);
  await mkdir(join(directory, 'fresh'), 0o700);
  expect((await stat(join(directory, 'fresh'))).mode & 0o7777).toBe(0o2700);
  expect(await takeForOurselves(directory, own)).toBe(0);
  expect((await stat(join(directory, 'fresh'))).mode & 0o7777).toBe(0o700);
});

test('takeForOurselves() skips what is removed meanwhile', async () => {
  expect(await takeForOurselves(join(directory, 'gone'), own)).toBe(0);
});

test('checkWay() rejects a way through a directory or a link of somebody who is not trusted', async () => {
  const path = join(directory, 'between/own');
  await mkdir(path, { recursive: true });
  await symlink(path, join(directory, 'link'));
  await expect(checkWay(path, own)).resolves.toBeUndefined();
  await expect(checkWay(join(directory, 'link'), own)).resolves.toBeUndefined();
  await expect(checkWay(path, stranger)).rejects.toThrow('who could replace it');
  const tooOpen = { ...own, trusted: new Set<number>() };
  await expect(checkWay('/', tooOpen)).resolves.toBeUndefined();
  await expect(checkWay('/tmp', tooOpen)).rejects.toThrow('its parent "/" belongs to');
});

test('checkWay() rejects links without an end', async () => {
  await symlink('b', join(directory, 'a'));
  await symlink('a', join(directory, 'b'));
  await expect(checkWay(join(directory, 'a/own'), own)).rejects.toThrow('is one link too many');
});
