import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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

async function open(): Promise<{ readonly file: GenerationFile; readonly sentences: readonly string[] }> {
  const sentences: string[] = [];
  const file = await GenerationFile.open(path, (sentence) => void sentences.push(sentence));
  return { file, sentences };
}

const WIDE = samplePlan('analytics', { lists: [sampleList('a', 'ALLOW', ['192.0.2.0/24'])] });
const NARROW = samplePlan('analytics', { lists: [sampleList('a', 'ALLOW', ['192.0.2.0/25'])] });
const OTHER = samplePlan('other');

test('narrower access is a new generation of that workspace alone, wider access is none', async () => {
  const { file, sentences } = await open();
  const first = file.next([WIDE, OTHER]);
  const [analytics = 0, other = 0] = [first.get('analytics'), first.get('other')];
  const narrower = new Map([
    ['analytics', analytics + 1],
    ['other', other],
  ]);
  expect(file.next([NARROW, OTHER])).toEqual(narrower);
  expect(file.next([WIDE, OTHER])).toEqual(narrower);
  expect(sentences).toEqual([]);
});

test('a start continues with the stored generation, and with a new one where rules have changed meanwhile', async () => {
  await writeFile(path, '{}');
  const { file } = await open();
  file.next([WIDE, OTHER]);
  const last = file.next([NARROW, OTHER]);
  expect(last).toEqual(
    new Map([
      ['analytics', 1],
      ['other', 0],
    ]),
  );
  expect(await file.save()).toBeUndefined();
  expect((await open()).file.next([NARROW, OTHER])).toEqual(last);
  const changed = (await open()).file.next([WIDE, OTHER]);
  expect(changed.get('other')).toBe(0);
  // A generation that was not stored, since the disk was full, is not met again.
  expect(changed.get('analytics')).toBeGreaterThan(1000);
});

const HEALTHY = '{"analytics":{"rules":"x","generation":3},"other":{"rules":"y","generation":0}}';
const DAMAGED = [
  ...Array.from({ length: HEALTHY.length }, (_, length) => HEALTHY.slice(0, length)),
  ...['[]', 'null', '7', '"x"', '{"analytics":null}', '{"analytics":[]}', '{"analytics":{"generation":3}}'],
  ...['-1', '1.5', '"3"', '1e300', 'null'].map(
    (generation) => `{"analytics":{"rules":"x","generation":${generation}}}`,
  ),
  '{"analytics":{"rules":5,"generation":3}}',
];

test('of a damaged file no generation of before is met again; it is set aside and told', async () => {
  for (const text of DAMAGED) {
    await rm(`${path}.damaged`, { force: true });
    await writeFile(path, text);
    const { file, sentences } = await open();
    expect([text, sentences]).toEqual([
      text,
      [expect.stringMatching(/^Cannot use ".*": .*; it is stored as/)],
    ]);
    expect(await readdir(directory)).toEqual(['generations.json.damaged']);
    const generations = [...file.next([WIDE, OTHER]).values()];
    expect(Math.min(...generations)).toBeGreaterThan(1000);
    expect(await file.save()).toBeUndefined();
    const { file: next, sentences: none } = await open();
    expect([[...next.next([WIDE, OTHER]).values()], none]).toEqual([generations, []]);
  }
});

test('what is not even a file is set aside, too', async () => {
  await mkdir(path);
  const { file, sentences } = await open();
  expect(sentences).toEqual([expect.stringContaining('EISDIR')]);
  file.next([WIDE]);
  expect(await file.save()).toBeUndefined();
});
