// What files are called, how they open, and what no file may say.
// In: the source tree. Out: one line per violation, with the file and what to do.
import { basename } from 'node:path';
import ts from 'typescript';
import type { SourceTree } from '../source-tree.ts';
import { isTest } from './import-rules.ts';

const EMPTY_NAMES = /^(?:utils?|helpers?|common|managers?|types?|constants?|misc)(?:\.test)?\.(?:ts|js)$/;
const KEBAB_CASE = /^[a-z0-9]+(?:[.-][a-z0-9]+)*$/;
const COMMENTED = /(?:\.(?:ts|js|sh)|^Dockerfile|^hack\/[^/.]+)$/;
const OPENING = /^(?:#!.*\n)?(?:\/\/|#(?!!)) ?\S/;

const MACHINE_PATH = /(?<![\w.$}-])\/(?:work|root|home\/\w+|Users\/\w+|opt\/wheels|tmp\/(?:contracts|dl))\//;
const REGISTRY_HOST =
  /\b(?:registry\.(?:npmjs|yarnpkg)\.(?:org|com)|npmjs\.com|pypi\.org|pythonhosted\.org|crates\.io|proxy\.golang\.org)\b/;

export function findBadNames(tree: SourceTree): readonly string[] {
  return tree.sources
    .map(({ path }) => ({ path, name: basename(path) }))
    .filter(({ name }) => EMPTY_NAMES.test(name) || !KEBAB_CASE.test(name))
    .map(({ path }) => `${path} has a name that says nothing: name its subject, in kebab-case`);
}

/** Files that only pass on what others export. */
export function findBarrels(tree: SourceTree): readonly string[] {
  const passesOn = (node: ts.Statement): boolean =>
    ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined;
  return tree.sources
    .filter(({ path, syntax }) => {
      const onlyPassesOn = syntax.statements.length > 0 && syntax.statements.every(passesOn);
      return onlyPassesOn || /^index\.[jt]s$/.test(basename(path));
    })
    .map(({ path }) => `${path} is a barrel: remove it and import from the files themselves`);
}

/** A test beside its source needs no comment of its own: the names of its tests say what it is for. */
export function findUncommented(tree: SourceTree): readonly string[] {
  const isBesideSource = (path: string): boolean =>
    isTest(path) && tree.texts.has(path.replace(/\.test\.ts$/, '.ts'));
  return [...tree.texts]
    .filter(([path, text]) => COMMENTED.test(path) && !isBesideSource(path) && !OPENING.test(text))
    .map(
      ([path]) => `${path} opens without a comment: say what comes in, what goes out, what it must never do`,
    );
}

/** Paths of one machine and hosts of package registries: both would tie the project to where it was written. */
export function findForeignNames(tree: SourceTree): readonly string[] {
  return [...tree.texts].flatMap(([path, text]) =>
    text.split('\n').flatMap((line, index) => {
      const found = MACHINE_PATH.exec(line) ?? REGISTRY_HOST.exec(line);
      if (found === null) return [];
      return [
        `${path}:${index + 1} says "${found[0]}": use a relative path, or an invented example such as "example.com"`,
      ];
    }),
  );
}

/** One style for headers: imports follow the comment without a blank line. */
export function findBlankAfterHeader(tree: SourceTree): readonly string[] {
  return tree.sources
    .filter(({ text }) => /^(?:#!.*\n)?(?:\/\/.*\n)+\n/.test(text))
    .map(({ path }) => `${path} has a blank line after its header: remove it`);
}

/** Constants of modules whose value is a number, text or pattern. */
export function findLowerConstants(tree: SourceTree): readonly string[] {
  return tree.sources
    .filter(({ path }) => path.startsWith('operator/') && !isTest(path))
    .flatMap(({ path, syntax }) =>
      syntax.statements.filter(ts.isVariableStatement).map((one) => ({ path, one })),
    )
    .flatMap(({ path, one }) =>
      one.declarationList.declarations.map((declaration) => ({ path, declaration })),
    )
    .filter(({ declaration: { initializer } }) => initializer !== undefined && isLiteral(initializer))
    .map(({ path, declaration }) => ({ path, name: declaration.name.getText() }))
    .filter(({ name }) => name !== name.toUpperCase())
    .map(({ path, name }) => `${path} has a constant "${name}": write it in UPPER_CASE`);
}

function isLiteral(node: ts.Expression): boolean {
  return (
    ts.isNumericLiteral(node) ||
    ts.isBigIntLiteral(node) ||
    ts.isStringLiteralLike(node) ||
    ts.isRegularExpressionLiteral(node)
  );
}
