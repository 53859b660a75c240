// A jest test sequencer: files that start whole clusters and gateways come before the others, so that the run does not
// end with one of them on a single core. jest itself knows durations only from the run before.
import { relative } from 'node:path';
import imported from '@jest/test-sequencer';

/** From the root of the project; the heaviest first. Files elsewhere come last. */
const HEAVY_FOLDERS = [
  'test/cases/',
  'test/apiserver/',
  'test/attack/',
  'test/e2e/',
  'test/api/',
  'test/envoy/',
];

export interface TestFile {
  readonly path: string;
  readonly context: { readonly config: { readonly rootDir: string } };
}

/** Within a folder, they stay in their order. */
export function heavyFirst<T extends TestFile>(files: readonly T[]): T[] {
  return files.toSorted((a, b) => placeOf(a) - placeOf(b));
}

function placeOf({ path, context }: TestFile): number {
  const name = relative(context.config.rootDir, path);
  const place = HEAVY_FOLDERS.findIndex((folder) => name.startsWith(folder));
  return place === -1 ? HEAVY_FOLDERS.length : place;
}

// Its types describe the CommonJS form, in which the class is one level deeper than in the one that Node loads.
const Sequencer = imported as unknown as typeof imported.default;

/** Made by jest, which asks for a class. */
export default class HeavyFirstSequencer extends Sequencer {
  override sort(tests: Parameters<InstanceType<typeof Sequencer>['sort']>[0]) {
    return heavyFirst(super.sort(tests) as typeof tests);
  }
}
