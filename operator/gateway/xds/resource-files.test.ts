// Whatever a crash, a disk or a person does to the files of a world: the next process knows exactly that world, or knows
// nothing, sets it aside and says so. A part of it is never taken for all. SEED and RUNS choose other damage.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { NamedResource } from '../../render/envoy/envoy-config.ts';
import { type EncodedResource, encodeResource } from './codec.ts';
import { ResourceFiles, type StoredResource } from './resource-files.ts';
import { type ResourceKind, type ResourceRef, TYPE_URLS } from './resource-kind.ts';

const SEED = Number(process.env['SEED'] ?? 20_261);
const RUNS = Number(process.env['RUNS'] ?? 200);

type Damage =
  | { readonly how: 'truncated'; readonly at: number }
  | { readonly how: 'overwritten'; readonly at: number; readonly byte: number }
  | { readonly how: 'garbage'; readonly bytes: Uint8Array }
  | { readonly how: 'of another file'; readonly other: number }
  | { readonly how: 'missing' | 'directory' | 'its directory is missing' | 'its directory is a file' };

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ how: fc.constant('truncated' as const), at: fc.nat(600) }),
  fc.record({ how: fc.constant('overwritten' as const), at: fc.nat(600), byte: fc.nat(255) }),
  fc.record({ how: fc.constant('garbage' as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ how: fc.constant('of another file' as const), other: fc.nat(20) }),
  fc
    .constantFrom('missing', 'directory', 'its directory is missing', 'its directory is a file')
    .map((how) => ({ how }) as const),
);

let root: string;
let template: string;
let world: readonly StoredResource[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sallyport-files-'));
  template = join(root, 'template');
  world = [
    ...['a', 'b', 'c'].map((name) => stored('route', name, 1)),
    // Rejected: the last good version is kept, too.
    stored('route', 'd', 2, 1),
    stored('cluster', 'a', 1),
  ];
  await write(template, world);
});

afterAll(() => rm(root, { recursive: true }));

function encoded(kind: ResourceKind, name: string, edition: number): EncodedResource {
  const content = {
    cluster: { alt_stat_name: `${edition}` },
    route: { max_direct_response_body_size_bytes: edition },
  };
  const more = content[kind as keyof typeof content];
  return encodeResource({ name, body: { '@type': TYPE_URLS[kind], name, ...more } } as NamedResource);
}

function stored(kind: ResourceKind, name: string, ...editions: readonly number[]): StoredResource {
  return { kind, versions: editions.map((edition) => encoded(kind, name, edition)) };
}

async function write(directory: string, resources: readonly StoredResource[]): Promise<ResourceFiles> {
  const files = new ResourceFiles(directory);
  await files.read();
  await change(files, resources);
  return files;
}

async function change(files: ResourceFiles, resources: readonly StoredResource[]): Promise<void> {
  const refs = resources.map(({ kind, versions }): ResourceRef => [kind, versions[0]?.name ?? '']);
  const versionsOf = (kind: ResourceKind, name: string): readonly EncodedResource[] =>
    resources.find((one) => one.kind === kind && one.versions[0]?.name === name)?.versions ?? [];
  expect(await files.write(refs, versionsOf)).toEqual([]);
  expect(await files.sync()).toBeUndefined();
}

async function remove(files: ResourceFiles, ...refs: readonly ResourceRef[]): Promise<void> {
  expect(await files.write(refs, () => [])).toEqual([]);
}

/** By kind and name; undefined where nothing is known. */
async function known(directory: string, said: string[] = []): Promise<unknown> {
  const read = await new ResourceFiles(directory, (sentence) => said.push(sentence)).read();
  return read === undefined ? undefined : bare(read);
}

function bare(resources: readonly StoredResource[]): unknown {
  const lines = resources.map(({ kind, versions }) => [
    kind,
    ...versions.map(({ name, version, entry }) => `${name} ${version} ${Buffer.from(entry).toString('hex')}`),
  ]);
  return lines.toSorted();
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return found
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .toSorted();
}

async function inflict(directory: string, which: number, inflicted: Damage): Promise<void> {
  const all = await filesIn(directory);
  const at = (index: number): string => all[index % all.length] ?? '';
  const path = at(which);
  const content = await readFile(path);
  switch (inflicted.how) {
    case 'truncated':
      return writeFile(path, content.subarray(0, inflicted.at % content.length));
    case 'overwritten':
      content[inflicted.at % content.length] = inflicted.byte;
      return writeFile(path, content);
    case 'garbage':
      return writeFile(path, inflicted.bytes);
    case 'of another file':
      return writeFile(path, await readFile(at(inflicted.other)));
    case 'missing':
      return rm(path);
    case 'directory':
      await rm(path);
      return void (await mkdir(path));
    default: {
      const parent = path.endsWith('complete') ? directory : join(path, '..');
      await rm(parent, { recursive: true });
      if (inflicted.how === 'its directory is a file') await writeFile(parent, '');
    }
  }
}

test('a damaged world is known exactly, or it is set aside and said', async () => {
  let setAside = 0;
  let at = 0;
  const property = fc.asyncProperty(fc.nat(20), damage, async (which, inflicted) => {
    const directory = join(root, `${(at += 1)}`);
    await cp(template, directory, { recursive: true });
    await inflict(directory, which, inflicted);
    const isLeft = (await stat(directory).catch(() => undefined)) !== undefined;
    const said: string[] = [];
    const found = await known(directory, said);
    if (found !== undefined) {
      expect(found).toEqual(bare(world));
      expect(said).toEqual([]);
    } else if (isLeft) {
      setAside += 1;
      expect(said).toEqual([
        expect.stringMatching(/^Cannot use ".*is stored as ".*nothing needs to be done$/),
      ]);
      expect(await stat(`${directory}.damaged`)).toBeDefined();
    }
    if (found !== undefined) return;
    // What comes after it is a world of its own.
    expect(await filesIn(directory)).toEqual([]);
    await write(directory, world.slice(0, 2));
    expect(await known(directory)).toEqual(bare(world.slice(0, 2)));
  });
  await fc.assert(property, { seed: SEED, numRuns: RUNS });
  expect(setAside).toBeGreaterThan(RUNS / 2);
}, 600_000);

test('a process that ends between writing a change and its list leaves the world of before', async () => {
  const directory = join(root, 'ended');
  const files = await write(directory, world);
  const list = await readFile(join(directory, 'complete'));
  await change(files, [stored('route', 'e', 1)]);
  await writeFile(join(directory, 'complete'), list);
  expect(await known(directory)).toEqual(bare(world));
});

test('files of what is no longer wanted go only once the list without them is on the disk', async () => {
  const directory = join(root, 'removed');
  const files = await write(directory, world);
  const list = await readFile(join(directory, 'complete'));
  await remove(files, ['route', 'a'], ['cluster', 'a']);
  const left = world.filter(({ versions }) => versions[0]?.name !== 'a');
  expect(await known(directory)).toEqual(bare(left));
  // A power cut takes the new list away.
  await writeFile(join(directory, 'complete'), list);
  expect(await known(directory)).toEqual(bare(world));
});

test('what a killed process left over goes with the next change', async () => {
  const directory = join(root, 'killed');
  await write(directory, world);
  await writeFile(join(directory, 'route/0123.binpb.89ab.tmp'), 'half');
  const files = new ResourceFiles(directory);
  await files.read();
  await remove(files, ['route', 'a']);
  await files.sync();
  expect(await filesIn(directory)).toHaveLength(world.length);
});

test('where a change cannot be written, nothing is known any more, until it can', async () => {
  const directory = join(root, 'unwritable');
  const files = await write(directory, world);
  const [at = ''] = await filesIn(join(directory, 'route'));
  await rm(at);
  await mkdir(join(at, 'in the way'), { recursive: true });
  const changed = world.map(({ kind, versions }) => stored(kind, versions[0]?.name ?? '', 3));
  const versionsOf = (kind: ResourceKind, name: string): readonly EncodedResource[] =>
    changed.find((one) => one.kind === kind && one.versions[0]?.name === name)?.versions ?? [];
  const refs = changed.map(({ kind, versions }): ResourceRef => [kind, versions[0]?.name ?? '']);
  expect(await files.write(refs, versionsOf)).toEqual([expect.stringContaining(at)]);
  await cp(directory, `${directory}.copy`, { recursive: true });
  expect(await known(`${directory}.copy`)).toBeUndefined();
  await rm(at, { recursive: true });
  expect(await files.write([], versionsOf)).toEqual([]);
  expect(await known(directory)).toEqual(bare(changed));
});
