import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { formatProblem } from '../model/problem.ts';
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
  let notify: () => void = () => undefined;
  nextChange = () => new Promise((resolve) => (notify = resolve));
  source = new FolderSource(folder, () => notify());
});

afterEach(async () => {
  source.close();
  await rm(parent, { recursive: true, force: true });
});

const run = promisify(execFile);

/** A socket stays where it is when its server ends. */
async function listenAt(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await rename(path, `${path}.kept`);
  await new Promise((resolve) => server.close(resolve));
  await rename(`${path}.kept`, path);
}

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

/** As they are printed, without what follows from them. */
async function faultsRead(): Promise<readonly string[]> {
  const { problems } = await source.read();
  return problems.filter(({ reason }) => reason === 'FileUnreadable').map(formatProblem);
}

test('FolderSource reads YAML and JSON in order of name, and nothing else', async () => {
  await put('b.yml', namespace('b'));
  await put('a.yaml', namespace('a'));
  await put('c.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] }));
  await put('notes.txt', 'not: [yaml');
  await put('.d.yaml.swp', 'not: [yaml');
  await mkdir(join(folder, 'sub'));
  await put('sub/e.yaml', namespace('e'));
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
    const notified = nextChange();
    await change();
    await notified;
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
  const notified = nextChange();
  await put('c.yaml', namespace('c'));
  await notified;
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

describe('FolderSource names an entry that it cannot read, and all others count', () => {
  const STAYS =
    '; until then what this run has read of it last stays in force, and what it never read is denied';

  /** What can lie there in place of YAML: how it gets there, and what is said about it. */
  const ODD: readonly (readonly [string, (path: string) => Promise<unknown>, string])[] = [
    [
      'a link that leads nowhere',
      (path) => symlink('nowhere', path),
      `it is a link to "nowhere", which does not exist; make that file or remove the link${STAYS}`,
    ],
    [
      'links in a circle',
      (path) => symlink('odd.yaml', path),
      `its links form a loop; make it a file or remove it${STAYS}`,
    ],
    [
      'a link through a file',
      (path) => symlink('good.yaml/odd', path),
      `it is a link through a file; make it a file or remove it${STAYS}`,
    ],
    ['a directory', (path) => mkdir(path), 'it is a directory and no file; move it out of the folder'],
    ['a pipe', (path) => run('mkfifo', [path]), 'it is a pipe and no file; move it out of the folder'],
    ['a socket', listenAt, 'it is a socket and no file; move it out of the folder'],
    [
      'a device',
      (path) => symlink('/dev/zero', path),
      'it is a device and no file; move it out of the folder',
    ],
    [
      'a file that the system cannot read',
      (path) => symlink('/proc/self/mem', path),
      `the system cannot read it (EIO); write it anew or remove it${STAYS}`,
    ],
    [
      'a file that is too large',
      async (path) => {
        await writeFile(path, '');
        await truncate(path, 2 ** 40);
      },
      `it has 1099511627776 bytes and 8388608 are the most; split it into several files${STAYS}`,
    ],
    [
      'bytes that are no UTF-8',
      (path) => writeFile(path, Buffer.from('a: 1\nb: \xff\n', 'latin1')),
      `line 2 is not UTF-8; save it in that encoding${STAYS}`,
    ],
  ];

  test.each(ODD)('%s', async (_name, make, said) => {
    await put('good.yaml', namespace('good'));
    await put('later.yaml', namespace('removed'));
    await make(join(folder, 'odd.yaml'));
    expect(await namesRead()).toEqual(['good', 'removed']);
    expect(await faultsRead()).toEqual([`odd.yaml: Cannot read file: ${said}`]);
    await put('later.yaml', namespace('added'));
    expect(await namesRead()).toEqual(['good', 'added']);
    await rm(join(folder, 'later.yaml'));
    expect(await namesRead()).toEqual(['good']);
    await rm(join(folder, 'odd.yaml'), { recursive: true });
    expect(await faultsRead()).toEqual([]);
  });

  test.each(ODD)(
    '%s in place of a file that was read, whose objects stay until it is gone',
    async (_name, make) => {
      await put('good.yaml', namespace('good'));
      await put('odd.yaml', namespace('kept'));
      await namesRead();
      await rm(join(folder, 'odd.yaml'));
      await make(join(folder, 'odd.yaml'));
      await put('good.yaml', namespace('better'));
      expect((await namesRead()).toSorted()).toEqual(['better', 'kept']);
      expect((await namesRead()).toSorted()).toEqual(['better', 'kept']);
      expect(await faultsRead()).toEqual([expect.stringContaining(STAYS)]);
      await rm(join(folder, 'odd.yaml'), { recursive: true });
      expect(await namesRead()).toEqual(['better']);
    },
  );

  test('a file whose name is not UTF-8', async () => {
    await put('good.yaml', namespace('good'));
    await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('\xff.yaml', 'latin1')]), '');
    expect(await namesRead()).toEqual(['good']);
    expect(await faultsRead()).toEqual([expect.stringContaining('its name is not UTF-8; rename it')]);
  });

  test('none that is hidden, as what editors leave beside a file', async () => {
    await put('all.yaml', namespace('good'));
    await symlink('user@host.1234:1700000000', join(folder, '.#all.yaml'));
    expect(await namesRead()).toEqual(['good']);
    expect(await problemsRead()).toEqual([]);
  });
});

test('FolderSource sees an object at all times while its file is renamed again and again', async () => {
  await put('a.yaml', namespace('kept'));
  await put('z.yaml', namespace('other'));
  await namesRead();
  let isOver = false;
  const renaming = (async () => {
    for (let round = 0; !isOver; round += 1) {
      const [from, to] = round % 2 === 0 ? ['a.yaml', 'y.yaml'] : ['y.yaml', 'a.yaml'];
      await rename(join(folder, from), join(folder, to));
    }
  })();
  const seen = new Set<string>();
  for (let reading = 0; reading < 100; reading += 1) seen.add((await namesRead()).toSorted().join());
  isOver = true;
  await renaming;
  expect([...seen]).toEqual(['kept,other']);
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
