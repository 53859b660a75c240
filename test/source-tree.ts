// Reads the project's files and parses its sources, for the rules in test/architecture/.
// In: a folder, or texts by path. Out: files with their syntax and what they import. It changes nothing.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import ts from 'typescript';

export interface ImportOf {
  /** As written: "node:fs", "zod", "../model/problem.ts". */
  readonly specifier: string;
  /** Path from the project's root when the import names a file of the project, else undefined. */
  readonly file: string | undefined;
  /** An `import type`, an `export type … from` or an `import('…')` type: gone when the file runs. */
  readonly typeOnly: boolean;
  /** 1-based. */
  readonly line: number;
}

export interface SourceFile {
  /** From the project's root, with "/". */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly syntax: ts.SourceFile;
  readonly imports: readonly ImportOf[];
}

export interface SourceTree {
  /** Every text file, by path from the project's root. */
  readonly texts: ReadonlyMap<string, string>;
  /** The TypeScript and JavaScript files among them. */
  readonly sources: readonly SourceFile[];
}

/** ".git" is a file in a linked worktree. */
const SKIPPED: ReadonlySet<string> = new Set(['node_modules', '.git', 'coverage', '.sallyport']);
const SOURCE = /\.(?:ts|js)$/;
const RELATIVE = /^\.{1,2}\//;

/** Reads everything below `root` but installed packages and what tools leave behind; binary files are left out. */
export function readSourceTree(root: string): SourceTree {
  const entries = readdirSync(root, { recursive: false, withFileTypes: true });
  const files = entries.flatMap((entry) => filesBelow(join(root, entry.name), entry));
  const texts = files.map((file): [string, string] => [
    relative(root, file).split(sep).join('/'),
    readFileSync(file, 'utf8'),
  ]);
  return sourceTree(new Map(texts.filter(([, text]) => !text.includes('\0'))));
}

/** The tree of the given texts, for rules that are tried on a few invented files. */
export function sourceTree(texts: ReadonlyMap<string, string>): SourceTree {
  const paths = [...texts.keys()].filter((path) => SOURCE.test(path)).toSorted();
  const sources = paths.map((path) => parseSource(path, texts.get(path) ?? ''));
  return { texts, sources };
}

/** Calls `visit` for a node and everything inside it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** 1-based line on which a node starts. */
export function lineOf(source: SourceFile, node: ts.Node): number {
  return source.syntax.getLineAndCharacterOfPosition(node.getStart(source.syntax)).line + 1;
}

function filesBelow(
  path: string,
  entry: { readonly name: string; isDirectory(): boolean; isFile(): boolean },
): readonly string[] {
  if (SKIPPED.has(entry.name)) return [];
  if (entry.isFile()) return [path];
  if (!entry.isDirectory()) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((child) =>
    filesBelow(join(path, child.name), child),
  );
}

function parseSource(path: string, text: string): SourceFile {
  const syntax = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const imports: ImportOf[] = [];
  walk(syntax, (node) => {
    const found = importIn(node);
    if (found !== undefined) {
      const line = syntax.getLineAndCharacterOfPosition(node.getStart(syntax)).line + 1;
      imports.push({ ...found, file: fileNamed(found.specifier, path), line });
    }
  });
  return { path, text, lines: text.replace(/\n$/, '').split('\n'), syntax, imports };
}

function fileNamed(specifier: string, from: string): string | undefined {
  return RELATIVE.test(specifier) ? posix.join(posix.dirname(from), specifier) : undefined;
}

function importIn(node: ts.Node): Pick<ImportOf, 'specifier' | 'typeOnly'> | undefined {
  if (ts.isImportDeclaration(node)) {
    return named(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
  }
  if (ts.isExportDeclaration(node)) return named(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? named(node.argument.literal, true) : undefined;
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return named(node.arguments[0], false);
  }
  return undefined;
}

function named(
  specifier: ts.Node | undefined,
  typeOnly: boolean,
): Pick<ImportOf, 'specifier' | 'typeOnly'> | undefined {
  return specifier !== undefined && ts.isStringLiteralLike(specifier)
    ? { specifier: specifier.text, typeOnly }
    : undefined;
}
