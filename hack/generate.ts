#!/usr/bin/env node
// Writes what is generated from the sources: crds/<plural>.yaml for every kind of operator/model, and the policies for
// admission and RBAC in charts/sallyport/generated/. The same sources give the same bytes; other files there are
// removed. Also the descriptors of Envoy's types, which take Go, where what they are made from has changed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderAdmission } from '../operator/manifests/admission/admission.ts';
import { type CrdFile, renderCrdFile, renderObjectsFile } from '../operator/manifests/crd-file.ts';
import { renderRbac } from '../operator/manifests/rbac.ts';
import { KINDS } from '../operator/model/kinds.ts';
import { USUAL_INSTALLATION } from '../operator/model/system-names.ts';

const USAGE = `Usage: hack/generate.ts [--help]

Writes crds/ and charts/sallyport/generated/ from the schemas and tables in operator/, and runs
"hack/envoy-types.sh --if-changed". "npm run generate" does the same.
`;

function generate(): void {
  writeFolder('crds', KINDS.map(renderCrdFile));
  writeFolder('charts/sallyport/generated', [
    renderObjectsFile('admission.yaml', renderAdmission(USUAL_INSTALLATION)),
    renderObjectsFile('rbac.yaml', renderRbac(USUAL_INSTALLATION)),
  ]);
  const script = join(import.meta.dirname, 'envoy-types.sh');
  process.exitCode = spawnSync('bash', [script, '--if-changed'], { stdio: 'inherit' }).status ?? 1;
}

function writeFolder(name: string, files: readonly CrdFile[]): void {
  const folder = join(import.meta.dirname, '..', name);
  const wanted = new Set(files.map((file) => file.name));
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeFileSync(join(folder, file.name), file.text);
  for (const entry of readdirSync(folder)) {
    if (entry.endsWith('.yaml') && !wanted.has(entry)) rmSync(join(folder, entry));
  }
  process.stdout.write(`Wrote ${files.length} files to ${name}/\n`);
}

const [argument] = process.argv.slice(2);
if (argument === undefined) {
  generate();
} else {
  const isHelp = argument === '--help';
  (isHelp ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = isHelp ? 0 : 2;
}
