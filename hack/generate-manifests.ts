#!/usr/bin/env node
// Writes what is rendered from the Helm chart: the golden files of its tests, and workloads for people without Helm.
// Takes Helm, which hack/go-tool.sh builds once. The same chart gives the same bytes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Helm } from '../test/support/chart/helm.ts';
import { renderPlain } from '../test/support/chart/plain-manifest.ts';
import { goldenOf, render, renderNotes, VALUE_SETS } from '../test/support/chart/value-sets.ts';

const USAGE = `Usage: hack/generate-manifests.ts [--help]

Writes test/chart/golden/ and charts/plain/workloads.yaml from charts/sallyport. "npm run manifests" does the same.
`;

async function generate(): Promise<void> {
  const root = join(import.meta.dirname, '..');
  const helm = await Helm.find();
  mkdirSync(join(root, 'test/chart/golden'), { recursive: true });
  mkdirSync(join(root, 'charts/plain'), { recursive: true });
  for (const name of Object.keys(VALUE_SETS)) {
    writeFileSync(join(root, 'test/chart/golden', `${name}.yaml`), goldenOf(await render(helm, name)));
    writeFileSync(join(root, 'test/chart/golden', `${name}.notes.txt`), await renderNotes(helm, name));
  }
  writeFileSync(join(root, 'charts/plain/workloads.yaml'), await renderPlain(helm));
  await helm.remove();
}

const [argument] = process.argv.slice(2);
if (argument === undefined) {
  await generate();
} else {
  const isHelp = argument === '--help';
  (isHelp ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = isHelp ? 0 : 2;
}
