import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderSource, readFolder } from './folder.ts';

let parent: string;
let folder: string;
let source: FolderSource;
/** Resolves with the next change that the source tells of. */
let nextChange: () => Promise<void>;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sallyport-folder-'));
  folder = join(parent, 'policies');
  await mkdir(folder);
  let tell: () => void = () => undefined;
  nextChange = () => new Promise((resolve) => (tell = resolve));
  source = new FolderSource(folder, () => tell());
});

afterEach(async () => {
  source.close();
  await rm(parent, { recursive: true, force: true });
});

function namespace(name: string): string {
  return `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: {sallyport.dev/workspace: ${name}}}}\n`;
}

async function put(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), text);
}

async function namesRead(): Promise<readonly string[]> {
  const { snapshot } = await source.read();
  return snapshot.objects.map(({ metadata }) => metadata.name);
}

async function problemsRead(): Promise<readonly string[]> {
  return (await source.read()).problems.map(({ reason, message }) => `${reason}: ${message}`);
}

test('FolderSource reads YAML and JSON in order of name, and nothing else', async () => {
  await put('b.yml', namespace('b'));
  await put('a.yaml', namespace('a'));
  await put('c.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] }));
  await put('notes.txt', 'not: [yaml');
  await put('.d.yaml.swp', 'not: [yaml');
  await mkdir(join(folder, 'sub.yaml'));
  await put('sub.yaml/e.yaml', namespace('e'));
  expect(await namesRead()).toEqual(['a', 'b']);
  expect(await problemsRead()).toEqual([]);
});

test('FolderSource follows links, as a mounted ConfigMap has them', async () => {
  await mkdir(join(folder, '..data'));
  await put('..data/a.yaml', namespace('a'));
  await symlink('..data/a.yaml', join(folder, 'a.yaml'));
  expect(await namesRead()).toEqual(['a']);
});

test('FolderSource tells of a new file, a file that is replaced, and one that is removed', async () => {
  await put('a.yaml', namespace('a'));
  await source.read();
  const changes: readonly (() => Promise<void>)[] = [
    () => put('b.yaml', namespace('b')),
    () => put('a.yaml', namespace('c')),
    () => rm(join(folder, 'b.yaml')),
  ];
  const seen: unknown[] = [];
  for (const change of changes) {
    const told = nextChange();
    await change();
    await told;
    seen.push(await namesRead());
  }
  expect(seen).toEqual([['a', 'b'], ['c', 'b'], ['c']]);
});

test('FolderSource says that an empty folder is empty', async () => {
  const advice = 'put objects of sallyport.dev and Namespaces there, for example from "examples/acme"';
  expect(await problemsRead()).toEqual([
    `FolderEmpty: Cannot find any YAML file in folder "${folder}": ${advice}`,
  ]);
});

test('FolderSource keeps what it knows when the folder is emptied', async () => {
  await put('a.yaml', namespace('a'));
  await source.read();
  await rm(join(folder, 'a.yaml'));
  expect(await namesRead()).toEqual(['a']);
  expect(await problemsRead()).toEqual([
    expect.stringContaining('the last configuration stays in force until there is one'),
  ]);
  await put('b.yaml', namespace('b'));
  expect(await namesRead()).toEqual(['b']);
});

test('FolderSource keeps what it knows while the folder is away, and watches the one that comes instead', async () => {
  await put('a.yaml', namespace('a'));
  await source.read();
  await rm(folder, { recursive: true });
  expect(await namesRead()).toEqual(['a']);
  const problem = `FolderUnreadable: Cannot read folder "${folder}": it does not exist; the last configuration stays in force until it is back`;
  expect(await problemsRead()).toEqual([problem]);
  await mkdir(folder);
  await put('b.yaml', namespace('b'));
  expect(await namesRead()).toEqual(['b']);
  const told = nextChange();
  await put('c.yaml', namespace('c'));
  await told;
  expect(await namesRead()).toEqual(['b', 'c']);
});

test('FolderSource waits until a file that is being written is whole', async () => {
  await put('a.yaml', namespace('a'));
  await put('b.yaml', '');
  const reading = namesRead();
  await put('b.yaml', namespace('b'));
  expect(await reading).toEqual(['a', 'b']);
});

test('FolderSource reads a file from the future without waiting for it', async () => {
  await put('a.yaml', namespace('a'));
  await namesRead();
  await put('a.yaml', namespace('b'));
  const tomorrow = new Date(Date.now() + 86_400_000);
  await utimes(join(folder, 'a.yaml'), tomorrow, tomorrow);
  expect(await namesRead()).toEqual(['b']);
});

test('FolderSource names a link that leads nowhere, and keeps what it knows', async () => {
  await put('a.yaml', namespace('a'));
  await source.read();
  await symlink('nowhere', join(folder, 'b.yaml'));
  expect(await namesRead()).toEqual(['a']);
  expect(await problemsRead()).toEqual([expect.stringContaining(join(folder, 'b.yaml'))]);
});

test('readFolder() throws where there is no folder, and says what to name', async () => {
  const away = join(parent, 'away');
  await rename(folder, away);
  const advice = 'name a folder of YAML, for example "examples/acme"';
  await expect(readFolder(folder)).rejects.toThrow(
    `Cannot read folder "${folder}": it does not exist; ${advice}`,
  );
  await writeFile(folder, '');
  await expect(readFolder(folder)).rejects.toThrow(`Cannot read folder "${folder}": it is a file; ${advice}`);
});
