#!/usr/bin/env node
// Writes compiled.yaml of every case in test/cases from its in.yaml. It never changes decisions.yaml: those rows are
// written by hand, as the expected result.
import { writeFileSync } from 'node:fs';
import { casePath, listCases, readCase } from '../test/cases/case-folder.ts';
import { compiledFile } from '../test/cases/compiled-file.ts';

const USAGE = `Usage: hack/generate-cases.ts [--help]

Writes compiled.yaml of every case in test/cases: the tables and plans that its in.yaml compiles to.
`;

function generate(): void {
  const names = listCases();
  for (const name of names)
    writeFileSync(casePath(name, 'compiled.yaml'), compiledFile(readCase(name).compiled));
  process.stdout.write(`Wrote compiled.yaml of ${names.length} cases\n`);
}

const [argument] = process.argv.slice(2);
if (argument === undefined) {
  generate();
} else {
  const isHelp = argument === '--help';
  (isHelp ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = isHelp ? 0 : 2;
}
