// Each rule of the architecture finds what it is for, tried on a few invented files.
import { type SourceTree, sourceTree } from '../source-tree.ts';
import {
  findBadNames,
  findBarrels,
  findBlankAfterHeader,
  findForeignNames,
  findLowerConstants,
  findUncommented,
} from './file-rules.ts';
import { findCycles, findForbiddenImports } from './import-rules.ts';
import { findEnvironmentReads, findImpurities } from './purity-rules.ts';
import { findLongFiles, findLongFunctions } from './size-rules.ts';

function treeOf(texts: Readonly<Record<string, string>>): SourceTree {
  return sourceTree(new Map(Object.entries(texts)));
}

function lines(count: number): string {
  return 'work();\n'.repeat(count);
}

describe('findForbiddenImports()', () => {
  it.each([
    ['operator/model/a.ts', "import { x } from '../lib/x.ts';"],
    ['operator/model/a.ts', "import { readFile } from 'node:fs/promises';"],
    ['operator/render/envoy/a.ts', "import winston from 'winston';"],
    ['operator/compile/a.ts', "export { x } from '../render/x.ts';"],
    ['operator/sources/a.ts', "import { x } from '../deliver/x.ts';"],
    ['operator/sources/a.ts', "import { type X } from '../compile/x.ts';"],
    ['operator/denials/a.ts', "const { x } = await import('../gateway/x.ts');"],
    ['operator/denials/a.ts', "let x: import('../gateway/x.ts').X;"],
    ['operator/denials/reading/a.ts', "import { x } from '../store/x.ts';"],
    ['operator/denials/store/a.ts', "import { x } from '../query/x.ts';"],
    ['operator/denials/store/a.ts', "import { BIGINT } from '@duckdb/node-api';"],
    ['operator/gateway/a.ts', "import { x } from '../render/kubernetes/x.ts';"],
    ['operator/roles/a.ts', "import { x } from '../../test/x.ts';"],
    ['operator/lib/a.ts', "import { x } from '../pipeline.ts';"],
    ['operator/pipeline.ts', "import { x } from './lib/x.ts';"],
    ['operator/elsewhere/a.ts', "import { x } from './x.ts';"],
  ])('rejects in %s: %s', (path, text) => {
    expect(findForbiddenImports(treeOf({ [path]: text }))).toEqual([expect.stringContaining(path)]);
  });

  it.each([
    ['operator/model/a.ts', "import { z } from 'zod'; import { b } from './b.ts';"],
    ['operator/compile/a.ts', "import { createHash } from 'node:crypto'; import { b } from '../model/b.ts';"],
    ['operator/deliver/a.ts', "import type { Outputs } from '../pipeline.ts'; import 'node:fs';"],
    ['operator/denials/store/duckdb/a.ts', "import '@duckdb/node-api'; import { b } from '../b.ts';"],
    ['operator/gateway/a.ts', "import { decide } from '../compile/decide.ts';"],
    ['operator/gateway/a.ts', "import { render } from '../render/envoy/listeners.ts';"],
    ['operator/roles/run/process.ts', "import { x } from '../gateway/x.ts';"],
    ['operator/sources/a.test.ts', "import { x } from '../deliver/x.ts';"],
    ['cli/a.ts', "import { x } from '../operator/api/x.ts';"],
  ])('allows in %s: %s', (path, text) => {
    expect(findForbiddenImports(treeOf({ [path]: text }))).toEqual([]);
  });
});

describe('findCycles()', () => {
  it('names every file of a cycle once', () => {
    const tree = treeOf({
      'operator/main.ts': "import './lib/a.ts';",
      'operator/lib/a.ts': "import './b.ts';",
      'operator/lib/b.ts': "import type { A } from './a.ts';",
    });
    expect(findCycles(tree)).toEqual([
      expect.stringContaining('operator/lib/a.ts -> operator/lib/b.ts -> operator/lib/a.ts'),
    ]);
  });
});

describe('findImpurities()', () => {
  it.each([
    'const now = Date.now();',
    'const now = new Date();',
    'const x = Math.random();',
    'setTimeout(work, 1);',
    "const home = process.env['HOME'];",
    'const id = randomUUID();',
    'console.log(1);',
  ])('rejects %s', (text) => {
    expect(findImpurities(treeOf({ 'operator/compile/a.ts': text })).join()).toContain(
      'operator/compile/a.ts:1',
    );
  });

  it.each([
    'const at = new Date(text);',
    'const p = { process: 1 };',
    'a.fetch();',
    'interface A { console: X }',
  ])('allows %s', (text) => {
    expect(findImpurities(treeOf({ 'operator/compile/a.ts': text }))).toEqual([]);
  });
});

describe('findEnvironmentReads()', () => {
  it.each(['process.env.HOME;', 'const { argv } = process;', "import { env } from 'node:process';"])(
    'rejects %s outside of the two files that may',
    (text) => {
      const tree = treeOf({ 'operator/gateway/a.ts': text, 'operator/config.ts': text, 'cli/a.ts': text });
      expect(findEnvironmentReads(tree)).toEqual([expect.stringContaining('operator/gateway/a.ts:1')]);
    },
  );

  it('allows the rest of process', () => {
    expect(findEnvironmentReads(treeOf({ 'operator/gateway/a.ts': 'process.kill(process.pid);' }))).toEqual(
      [],
    );
  });
});

describe('findLongFunctions()', () => {
  it('finds a function of 61 lines and leaves comments and blank lines out', () => {
    const text = `function long() {\n${lines(59)}}\nfunction short() {\n// why\n\n${lines(58)}}\n`;
    expect(findLongFunctions(treeOf({ 'a.ts': text }))).toEqual([
      expect.stringMatching(/^a\.ts:1 .* 61 lines/),
    ]);
  });

  it('finds a test body of 41 lines, and allows a describe of any length', () => {
    const text = `describe('a', () => {\n${lines(30)}it.each([1])('b', () => {\n${lines(39)}});\n});\n`;
    expect(findLongFunctions(treeOf({ 'a.test.ts': text }))).toEqual([
      expect.stringMatching(/^a\.test\.ts:32 .*test body of 41 lines/),
    ]);
  });
});

describe('findLongFiles()', () => {
  it('finds a file of 401 lines', () => {
    const tree = treeOf({ 'a.ts': lines(401), 'b.sh': lines(400), 'c.json': lines(900) });
    expect(findLongFiles(tree)).toEqual([expect.stringContaining('a.ts has 401 lines')]);
  });
});

describe('file rules', () => {
  it('findBadNames() rejects empty words and other cases', () => {
    const tree = treeOf({
      'a/utils.ts': '',
      'a/types.test.ts': '',
      'a/camelCase.ts': '',
      'a/decide.test.ts': '',
    });
    expect(findBadNames(tree)).toHaveLength(3);
  });

  it('findBarrels() rejects index files and files that only pass on', () => {
    const tree = treeOf({
      'a/index.ts': 'work();',
      'a/all.ts': "export * from './b.ts';",
      'a/b.ts': 'export {};',
    });
    expect(findBarrels(tree).join('\n')).toMatch(/^a\/all\.ts .*\na\/index\.ts .*$/);
  });

  it('findUncommented() skips the line that names the interpreter', () => {
    const script = '#!/usr/bin/env bash\n';
    const tree = treeOf({
      'hack/a.sh': `${script}# Why.\n`,
      'hack/b.sh': `${script}set -e\n`,
      'c.ts': 'work();',
    });
    expect(findUncommented(tree).join('\n')).toMatch(/^hack\/b\.sh .*\nc\.ts .*$/);
  });

  it('findUncommented() asks nothing of a test beside its source', () => {
    expect(findUncommented(treeOf({ 'a.ts': '// What it does.\n', 'a.test.ts': 'work();' }))).toEqual([]);
  });

  it('findBlankAfterHeader() finds a blank line between header and imports', () => {
    const tree = treeOf({ 'a.ts': '// Why.\n\nwork();\n', 'b.ts': '// Why.\nwork();\n\nwork();\n' });
    expect(findBlankAfterHeader(tree)).toEqual([expect.stringMatching(/^a\.ts /)]);
  });

  it('findLowerConstants() finds numbers, texts and patterns of modules, and leaves functions alone', () => {
    const text =
      "const a = 1; export const b = 'x'; const c = /y/; const D = 2; const e = () => 1; const f = g(1);";
    const found = findLowerConstants(treeOf({ 'operator/lib/a.ts': text, 'test/b.ts': 'const a = 1;' }));
    expect(found.join()).toMatch(/"a".*"b".*"c"/);
    expect(found).toHaveLength(3);
  });

  it('findForeignNames() finds paths of one machine and hosts of package registries', () => {
    const home = ['', 'home', 'somebody', 'x'].join('/');
    const host = ['pypi', 'org'].join('.');
    const tree = treeOf({ 'a.md': `see ${home}\n`, 'b.yaml': `\n- ${host}\n`, 'c.md': 'see docs/work/x\n' });
    expect(findForeignNames(tree)).toEqual([
      expect.stringContaining(`a.md:1 says`),
      expect.stringContaining(`b.yaml:2 says "${host}"`),
    ]);
  });
});
