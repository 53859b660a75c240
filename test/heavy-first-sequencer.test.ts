import { join } from 'node:path';
import { heavyFirst, type TestFile } from './heavy-first-sequencer.ts';

const ROOT = '/project/test/cases';

function file(name: string): TestFile {
  return { path: join(ROOT, name), context: { config: { rootDir: ROOT } } };
}

it('begins with whole clusters, ends with what starts no process, and keeps the order within a folder', () => {
  const given = ['operator/b.test.ts', 'test/envoy/b.test.ts', 'test/cases/c.test.ts', 'operator/a.test.ts'];
  const sorted = heavyFirst([...given, 'test/apiserver/b.test.ts', 'test/apiserver/a.test.ts'].map(file));
  expect(sorted).toEqual(
    [
      'test/cases/c.test.ts',
      'test/apiserver/b.test.ts',
      'test/apiserver/a.test.ts',
      'test/envoy/b.test.ts',
      'operator/b.test.ts',
      'operator/a.test.ts',
    ].map(file),
  );
});
