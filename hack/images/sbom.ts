// The software bill of materials of a bundle, in CycloneDX's format: what is really in it, not what is installed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

const PACKAGE_FOLDER = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

function manifestOf(root: string, folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}

function component({ name, version, license }: Manifest): object {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const licenses = license === undefined ? {} : { licenses: [{ expression: license }] };
  return { type: 'library', 'bom-ref': purl, name, version, purl, ...licenses };
}

/** `root`: of the project; `others`: lines "name version purl" of what else is in the image. */
export function sbom(root: string, { inputs }: Metafile, others: string): object {
  const folders = new Set(Object.keys(inputs).flatMap((path) => PACKAGE_FOLDER.exec(path)?.[1] ?? []));
  const packages = [...folders].sort().map((folder) => manifestOf(root, folder));
  const unique = new Map(packages.map((one) => [`${one.name}@${one.version}`, component(one)]));
  const system = others.split('\n').flatMap((line) => {
    const [name, version, purl] = line.split(' ');
    return purl === undefined ? [] : [{ type: 'library', 'bom-ref': purl, name, version, purl }];
  });
  const { name, version } = manifestOf(root, '.');
  const product = { type: 'application', 'bom-ref': `pkg:generic/${name}@${version}`, name, version };
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: product },
    components: [...unique.values(), ...system],
  };
}
