#!/usr/bin/env node
// Writes what is generated from the sources: crds/<plural>.yaml for every kind of operator/model.
// The same sources give the same bytes; files of kinds that are no more are removed.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KINDS } from '../operator/model/kinds.ts';
import { renderCrdFile } from '../operator/render/kubernetes/crd-file.ts';

const USAGE = `Usage: hack/generate.ts [--help]

Writes crds/<plural>.yaml from the schemas in operator/model. "npm run generate" does the same.
`;

const CRDS = join(import.meta.dirname, '..', 'crds');

function generate(): void {
  const files = KINDS.map(renderCrdFile);
  const wanted = new Set(files.map(({ name }) => name));
  mkdirSync(CRDS, { recursive: true });
  for (const { name, text } of files) writeFileSync(join(CRDS, name), text);
  for (const name of readdirSync(CRDS)) {
    if (name.endsWith('.yaml') && !wanted.has(name)) rmSync(join(CRDS, name));
  }
  process.stdout.write(`Wrote ${files.length} files to crds/\n`);
}

const [argument] = process.argv.slice(2);
if (argument === undefined) {
  generate();
} else {
  const isHelp = argument === '--help';
  (isHelp ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = isHelp ? 0 : 2;
}
