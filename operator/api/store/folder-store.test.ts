import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IP_ACCESS_LISTS } from '../../model/cluster-resources.ts';
import { FolderStore } from './folder-store.ts';
import type { Session, StoredObject } from './object-store.ts';
import { TokenFile } from './token-file.ts';

const NAME = { namespace: 'analytics', name: 'office' };
const TEXT = `# Ours.
apiVersion: sallyport.dev/v1alpha1
kind: IpAccessList
metadata: { name: office, namespace: analytics }
spec: { label: office, listType: ALLOW, ipAddresses: [10.0.0.0/8] } # why
`;

let directory: string;
let folder: string;
let file: string;
let session: Session;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-store-'));
  folder = join(directory, 'folder');
  file = join(folder, 'lists.yaml');
  await mkdir(folder);
  await writeFile(file, TEXT);
  const token = 'root-token-of-this-test';
  const path = join(directory, 'tokens.yaml');
  await writeFile(path, `tokens:\n  - { name: root, token: ${token}, admin: true }\n`, { mode: 0o600 });
  const tokens = new TokenFile(path, () => undefined);
  const store = new FolderStore({
    folder,
    tokens,
    workspaceIdOf: () => undefined,
    onChange: () => undefined,
  });
  session = await store.signIn(token);
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function labelled(object: StoredObject | undefined, label: string): StoredObject {
  if (object === undefined) throw new Error('The list is gone');
  return { ...object, spec: { ...(object['spec'] as object), label } };
}

function patch(label: string, meanwhile?: () => Promise<void>): Promise<StoredObject> {
  return session.change(IP_ACCESS_LISTS, NAME, async (current) => {
    await meanwhile?.();
    return { verb: 'replace', object: labelled(current, label) };
  });
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test.each([0o644, 0o640, 0o664, 0o600])('a write keeps mode %o, and a new file has it, too', async (mode) => {
  await chmod(file, mode);
  await patch('changed');
  expect(await modeOf(file)).toBe(mode);
  const object = {
    ...labelled(await session.get(IP_ACCESS_LISTS, NAME), 'new'),
    metadata: { ...NAME, name: 'new' },
  };
  await session.change(IP_ACCESS_LISTS, { ...NAME, name: 'new' }, () => ({ verb: 'create', object }));
  expect(await modeOf(join(folder, 'ip-access-list.analytics.new.yaml'))).toBe(mode);
});

test('a write goes through a link', async () => {
  const target = join(directory, 'elsewhere.yaml');
  await rename(file, target);
  await symlink(target, file);
  await patch('changed');
  expect(await readFile(target, 'utf8')).toBe(TEXT.replace('label: office', 'label: changed'));
  expect(await readdir(directory)).toHaveLength(3);
  expect(await readdir(folder)).toEqual(['lists.yaml']);
});

test('the removal of the only object leaves the comments of its file', async () => {
  await session.change(IP_ACCESS_LISTS, NAME, (current) => ({
    verb: 'remove',
    object: labelled(current, ''),
  }));
  expect(await readFile(file, 'utf8')).toBe('# Ours.\n');
  expect(await session.list(IP_ACCESS_LISTS, NAME.namespace)).toEqual([]);
});

const SAVES: readonly (readonly [string, (text: string) => Promise<void>])[] = [
  ['in place', (text) => writeFile(file, text)],
  [
    'by a rename',
    async (text) => {
      await writeFile(`${file}~`, text);
      await rename(`${file}~`, file);
    },
  ],
];

describe.each(SAVES)('an editor that saves %s', (_how, save) => {
  test('while a change is decided loses nothing, and neither does the change', async () => {
    let saves = 0;
    await patch('changed', async () => {
      saves += 1;
      if (saves === 1) await save(`# Saved.\n${TEXT}`);
    });
    expect(await readFile(file, 'utf8')).toBe(`# Saved.\n${TEXT.replace('label: office', 'label: changed')}`);
    expect(await readdir(folder)).toEqual(['lists.yaml']);
  });

  test('at every attempt ends the change with an error', async () => {
    let saves = 0;
    const change = patch('changed', () => save(`# Saved ${(saves += 1)}.\n${TEXT}`));
    await expect(change).rejects.toMatchObject({ code: 'ABORTED', message: expect.stringContaining(file) });
    expect(await readFile(file, 'utf8')).toBe(`# Saved ${saves}.\n${TEXT}`);
  });
});

test('an editor that saves at any moment of a change loses nothing', async () => {
  for (let round = 0; round < 40; round += 1) {
    await writeFile(file, TEXT);
    const settled = Promise.allSettled([patch(`changed-${round}`)]);
    for (let turns = 0; turns < round; turns += 1) await new Promise(setImmediate);
    await writeFile(file, `# Saved ${round}.\n${TEXT}`);
    // A reader may meet the half of a file that is written in place; then the caller hears of it.
    await settled;
    expect((await readFile(file, 'utf8')).startsWith(`# Saved ${round}.\n`)).toBe(true);
  }
});

test('an item of a List is read, and a write to it is refused', async () => {
  const item = TEXT.replaceAll(/^(?=.)/gm, '    ').replace('    apiVersion', '  - apiVersion');
  const list = `apiVersion: v1\nkind: List\nitems:\n${item}`;
  await writeFile(file, list);
  expect(await session.get(IP_ACCESS_LISTS, NAME)).toMatchObject({ spec: { label: 'office' } });
  const refusal = {
    code: 'INVALID_STATE',
    message: expect.stringContaining('a List in the file "lists.yaml"'),
  };
  await expect(patch('changed')).rejects.toMatchObject(refusal);
  const removal = session.change(IP_ACCESS_LISTS, NAME, (current) => ({
    verb: 'remove',
    object: labelled(current, ''),
  }));
  await expect(removal).rejects.toMatchObject(refusal);
  expect(await readFile(file, 'utf8')).toBe(list);
});
