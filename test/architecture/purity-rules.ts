// What may not be read where: no clock, chance, environment or timer in the pure rooms; flags and environment
// in operator/config.ts and the two command lines only. Out: one line per violation, with the file and what to do.
import ts from 'typescript';
import { lineOf, type SourceFile, type SourceTree, walk } from '../source-tree.ts';
import { isPure, isTest, roomOf } from './import-rules.ts';

const IMPURE_GLOBALS: ReadonlySet<string> = new Set([
  'process',
  'fetch',
  'console',
  'performance',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]);
const IMPURE_MEMBERS: ReadonlySet<string> = new Set(['Date.now', 'Math.random']);
const IMPURE_CRYPTO: ReadonlySet<string> = new Set([
  'randomBytes',
  'randomInt',
  'randomUUID',
  'getRandomValues',
]);
const ENVIRONMENT_READERS: ReadonlySet<string> = new Set([
  'operator/config.ts',
  'operator/main.ts',
  'operator/kubectl-sallyport.ts',
]);

export function findImpurities(tree: SourceTree): readonly string[] {
  const pure = operatorSources(tree).filter(({ path }) => isPure(path));
  return find(
    pure,
    impurityIn,
    'its answer depends on its arguments alone, so take the value as an argument',
  );
}

export function findEnvironmentReads(tree: SourceTree): readonly string[] {
  const others = operatorSources(tree).filter(({ path }) => !ENVIRONMENT_READERS.has(path));
  return find(others, environmentReadIn, 'read it in operator/config.ts and pass the value in');
}

function operatorSources(tree: SourceTree): readonly SourceFile[] {
  return tree.sources.filter(({ path }) => roomOf(path) !== undefined && !isTest(path));
}

function find(
  sources: readonly SourceFile[],
  faultIn: (node: ts.Node) => string | undefined,
  advice: string,
): readonly string[] {
  return sources.flatMap((source) => {
    const faults: string[] = [];
    walk(source.syntax, (node) => {
      const fault = faultIn(node);
      if (fault !== undefined) faults.push(`${source.path}:${lineOf(source, node)} uses ${fault}: ${advice}`);
    });
    return faults;
  });
}

function impurityIn(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) || ts.isCallExpression(node)) return clockIn(node);
  if (ts.isPropertyAccessExpression(node))
    return IMPURE_MEMBERS.has(node.getText()) ? node.getText() : undefined;
  if (!ts.isIdentifier(node)) return undefined;
  if (IMPURE_CRYPTO.has(node.text)) return node.text;
  return IMPURE_GLOBALS.has(node.text) && isGlobalUse(node) ? `the global "${node.text}"` : undefined;
}

/** `new Date(text)` only reads a time that is already there. */
function clockIn(node: ts.NewExpression | ts.CallExpression): string | undefined {
  const timeless = node.arguments === undefined || node.arguments.length === 0;
  return timeless && node.expression.getText() === 'Date' ? 'the clock (Date without a time)' : undefined;
}

/** A name that is read by itself, not a member, a property or a declaration that happens to have the same name. */
function isGlobalUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !('name' in parent && parent.name === node);
}

/** `process` used for anything but one of its other members counts too: it may hide the environment. */
function environmentReadIn(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) && /^["'](?:node:)?process["']$/.test(node.moduleSpecifier.getText())) {
    return 'node:process';
  }
  if (!ts.isIdentifier(node) || node.text !== 'process' || !isGlobalUse(node)) return undefined;
  if (!ts.isPropertyAccessExpression(node.parent)) return 'the global "process" as a value';
  return ['env', 'argv'].includes(node.parent.name.text) ? `process.${node.parent.name.text}` : undefined;
}
