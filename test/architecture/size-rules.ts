// How long files, functions and test bodies may be. Blank lines and comment lines of a function do not count,
// as for eslint. In: the source tree. Out: one line per violation, with the file and what to do.
import ts from 'typescript';
import { lineOf, type SourceFile, type SourceTree, walk } from '../source-tree.ts';
import { isTest } from './import-rules.ts';

const FILE_LINES = 400;
const FUNCTION_LINES = 60;
const TEST_LINES = 40;

const COMMENT_OR_BLANK = /^\s*(?:$|\/\/|\/\*|\*)/;
const TEST_CALL = /^(?:it|test|beforeEach|beforeAll|afterEach|afterAll)\b/;
const GROUP_CALL = /^describe\b/;

export function findLongFiles(tree: SourceTree): readonly string[] {
  return [...tree.texts]
    .filter(([path]) => /\.(?:ts|js|sh)$/.test(path))
    .map(([path, text]) => ({ path, lines: text.replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > FILE_LINES)
    .map(
      ({ path, lines }) =>
        `${path} has ${lines} lines of at most ${FILE_LINES}: split it by what it knows about`,
    );
}

export function findLongFunctions(tree: SourceTree): readonly string[] {
  return tree.sources.flatMap((source) => {
    const faults: string[] = [];
    walk(source.syntax, (node) => {
      const fault = ts.isFunctionLike(node) ? faultOf(source, node) : undefined;
      if (fault !== undefined) faults.push(fault);
    });
    return faults;
  });
}

function faultOf(source: SourceFile, node: ts.SignatureDeclaration): string | undefined {
  const call = isTest(source.path) ? callAround(node) : '';
  if (GROUP_CALL.test(call)) return undefined;
  const lines = codeLines(source, node);
  const limit = TEST_CALL.test(call) ? TEST_LINES : FUNCTION_LINES;
  if (lines <= limit) return undefined;
  const what = limit === TEST_LINES ? 'a test body' : 'a function';
  return `${source.path}:${lineOf(source, node)} has ${what} of ${lines} lines of at most ${limit}: take a part with a name of its own out of it`;
}

/** What the function is an argument of: "it" for it('…', () => {}), "test.each(rows)" for a table. */
function callAround(node: ts.Node): string {
  return ts.isCallExpression(node.parent) ? node.parent.expression.getText() : '';
}

function codeLines(source: SourceFile, node: ts.Node): number {
  const last = source.syntax.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
  const lines = source.lines.slice(lineOf(source, node) - 1, last);
  return lines.filter((line) => !COMMENT_OR_BLANK.test(line)).length;
}
