import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleList, samplePlan } from '../../../test/fixtures/inbound-fixture.ts';
import { GenerationFile } from './generation-file.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-generations-'));
  path = join(directory, 'generations.json');
});

afterEach(() => rm(directory, { recursive: true }));

const WIDE = samplePlan('analytics', { lists: [sampleList('a', 'ALLOW', ['192.0.2.0/24'])] });
const NARROW = samplePlan('analytics', { lists: [sampleList('a', 'ALLOW', ['192.0.2.0/25'])] });
const OTHER = samplePlan('other');

test('narrower access is a new generation of that workspace alone, wider access is none', async () => {
  const file = await GenerationFile.open(path);
  expect([...file.next([WIDE, OTHER])]).toEqual([
    ['analytics', 0],
    ['other', 0],
  ]);
  expect(file.next([NARROW, OTHER])).toEqual(
    new Map([
      ['analytics', 1],
      ['other', 0],
    ]),
  );
  expect(file.next([WIDE, OTHER]).get('analytics')).toBe(1);
});

test('a start continues with the stored generation, and with a new one where rules have changed meanwhile', async () => {
  const file = await GenerationFile.open(path);
  file.next([WIDE, OTHER]);
  file.next([NARROW, OTHER]);
  expect(await file.save()).toBeUndefined();
  expect((await GenerationFile.open(path)).next([NARROW, OTHER])).toEqual(
    new Map([
      ['analytics', 1],
      ['other', 0],
    ]),
  );
  expect((await GenerationFile.open(path)).next([WIDE, OTHER])).toEqual(
    new Map([
      ['analytics', 2],
      ['other', 0],
    ]),
  );
});

test('a damaged file is none', async () => {
  await writeFile(path, '{"analytics":');
  expect((await GenerationFile.open(path)).next([WIDE]).get('analytics')).toBe(0);
});
