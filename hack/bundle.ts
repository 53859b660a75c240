#!/usr/bin/env node
// Bundles the program for the image: a folder with sallyport.mjs, and kubectl-sallyport.mjs for people, which need no
// node_modules, and sbom.json, which lists every package whose code is in it (CycloneDX). Bundled, a role keeps a third
// less in memory than from the sources.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { sbom } from './images/sbom.ts';

const ROOT = join(import.meta.dirname, '..');

async function bundle(out: string, others: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: {
      sallyport: 'operator/main.ts',
      'kubectl-sallyport': 'operator/kubectl-sallyport.ts',
      // Of the collector, as a process for one query.
      'isolated-query-child': 'operator/denials/collector/isolated-query-child.ts',
    },
    outdir: relative(ROOT, out),
    outExtension: { '.js': '.mjs' },
    chunkNames: 'part-[hash]',
    bundle: true,
    // A role loads only its own parts, as from the sources.
    splitting: true,
    minify: true,
    // Stacks name functions and classes, and error classes name themselves.
    keepNames: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    define: { 'process.env.NODE_ENV': '"production"' },
    // Text beyond ASCII would double the memory of all that is in its file.
    legalComments: 'external',
    // A native library, which stands beside the bundle. Only the collector loads it.
    external: ['@duckdb/node-api'],
    banner: {
      js: 'import{createRequire as requireFrom}from"node:module";const require=requireFrom(import.meta.url);',
    },
    metafile: true,
    logLevel: 'warning',
  });
  copyFileSync(join(ROOT, 'operator/gateway/xds/envoy-types.binpb.gz'), join(out, 'envoy-types.binpb.gz'));
  writeFileSync(join(out, 'sbom.json'), `${JSON.stringify(sbom(ROOT, metafile, others), undefined, 2)}\n`);
}

const { values, positionals } = parseArgs({
  options: { help: { type: 'boolean' }, others: { type: 'string' } },
  allowPositionals: true,
});
const [out] = positionals;
if (values.help === true || out === undefined) {
  console.log(
    'Usage: hack/bundle.ts OUT [--others FILE]\n\nFILE: lines "name version purl" of what else the SBOM shall list.',
  );
} else {
  await bundle(out, values.others === undefined ? '' : readFileSync(values.others, 'utf8'));
}
