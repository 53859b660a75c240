// The shape of the project, checked: who may import whom, what may be impure, sizes, names, scripts.
// Each finding is one line with the file and what to do. The rules are in test/architecture/.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  findBadNames,
  findBarrels,
  findBlankAfterHeader,
  findForeignNames,
  findLowerConstants,
  findUncommented,
} from './architecture/file-rules.ts';
import { findCycles, findForbiddenImports } from './architecture/import-rules.ts';
import { findEnvironmentReads, findImpurities } from './architecture/purity-rules.ts';
import { findLongFiles, findLongFunctions } from './architecture/size-rules.ts';
import { readSourceTree, type SourceTree } from './source-tree.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const tree = readSourceTree(ROOT);

type Rule = (tree: SourceTree) => readonly string[];

const RULES: readonly (readonly [string, Rule])[] = [
  ['rooms of operator/ import only what the table of rooms allows', findForbiddenImports],
  ['files import each other in no cycle', findCycles],
  ['model, compile and render ask no clock, chance, environment or timer', findImpurities],
  ['operator/config.ts and operator/main.ts alone read flags and environment', findEnvironmentReads],
  ['files have at most 400 lines', findLongFiles],
  ['functions have at most 60 lines, test bodies 40', findLongFunctions],
  ['names of files say what they are about', findBadNames],
  ['no file is a barrel', findBarrels],
  ['every source opens with a comment', findUncommented],
  ['no blank line follows the header', findBlankAfterHeader],
  ['constants of modules are in UPPER_CASE', findLowerConstants],
  ['no file names a path of one machine or the host of a package registry', findForeignNames],
];

describe('architecture', () => {
  it('reads the whole project', () => {
    expect(tree.sources.map(({ path }) => path)).toContain('test/architecture.test.ts');
    expect([...tree.texts.keys()]).toContain('package.json');
  });

  it.each(RULES)('%s', (_name, rule) => {
    expect(rule(tree)).toEqual([]);
  });
});

// hack/sallyport is the program itself, its help is tested with it.
const scripts = [...tree.texts].filter(([path]) => /^hack\/[^/]+\.(?:sh|ts)$/.test(path));

describe('hack scripts', () => {
  it('are under 80 lines', () => {
    const long = scripts.filter(([, text]) => text.split('\n').length > 80).map(([path]) => path);
    expect(long).toEqual([]);
  });

  it.each(scripts.map(([path]) => path))('%s --help answers with its usage', async (path) => {
    const program = path.endsWith('.ts') ? process.execPath : 'bash';
    const { stdout } = await promisify(execFile)(program, [join(ROOT, path), '--help'], { timeout: 20_000 });
    expect(stdout).toContain(`Usage: ${path}`);
  });
});
