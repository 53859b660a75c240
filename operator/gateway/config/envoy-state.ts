// What the files of one Envoy hold, what of it Envoy accepted, and what it refused: read from the disk once, so that
// a new process goes on where a killed one stopped, and kept up to date by the applier.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnvoyConfig } from '../../render/envoy/envoy-config.ts';
import type { AtomicFiles } from '../atomic-files.ts';
import type { LiveVersions } from '../process/envoy-admin.ts';
import { type ResourceTexts, readConfigTexts } from './config-files.ts';
import { LiveFile } from './live-file.ts';
import { LiveTables } from './live-tables.ts';
import type { RefusedName } from './live-wait.ts';
import type { Layer, Refusals } from './refusals.ts';
import { type WantedConfig, wantedConfig } from './wanted-config.ts';

export class EnvoyState {
  readonly refused: Refusals;
  readonly listeners: LiveFile;
  readonly clusters: LiveFile;
  readonly tables: LiveTables;

  private constructor(listeners: LiveFile, clusters: LiveFile, tables: LiveTables, refused: Refusals) {
    this.listeners = listeners;
    this.clusters = clusters;
    this.tables = tables;
    this.refused = refused;
  }

  static async read(directory: string, files: AtomicFiles, refused: Refusals): Promise<EnvoyState> {
    for (const name of ['lds', 'cds', 'rds']) {
      await mkdir(join(directory, name), { recursive: true });
    }
    const texts = await readConfigTexts(directory, files);
    const lds = { kind: 'lds', path: join(directory, 'lds/listeners.json'), files } as const;
    const cds = { kind: 'cds', path: join(directory, 'cds/clusters.json'), files } as const;
    return new EnvoyState(
      new LiveFile({ ...lds, contents: texts.listeners }),
      new LiveFile({ ...cds, contents: texts.clusters }),
      new LiveTables(directory, files, texts.tables),
      refused,
    );
  }

  /** Takes over what Envoy says it runs; undefined where it says nothing. */
  confirm(live: LiveVersions | undefined): void {
    this.listeners.confirm(live);
    this.clusters.confirm(live);
    if (live !== undefined) {
      this.tables.confirm(live);
    }
  }

  wanted(next: EnvoyConfig, tableLimit: number): WantedConfig {
    const good = { listeners: this.listeners.good, clusters: this.clusters.good, tables: this.tables.good };
    return wantedConfig(next, good, this.refused, tableLimit);
  }

  /** What the files of a layer hold, with the last good content in place of a refused one. */
  usable(layer: Layer): ResourceTexts {
    const { contents, good } = this.#layer(layer);
    return this.refused.withhold(layer, contents, good, new Set());
  }

  /**
   * Remembers what Envoy refused; where it did not say which resource it means, all that it did not have before.
   * False where that leaves none: offering the rest again would change nothing.
   */
  refuse(layer: Layer, refused: readonly RefusedName[], text: string): boolean {
    const { contents, good } = this.#layer(layer);
    const fresh = [...contents.keys()].filter((name) => contents.get(name) !== good.get(name));
    const known = refused.filter(({ name }) => contents.has(name));
    const suspects = known.length > 0 ? known : fresh.map((name) => ({ name, text }));
    for (const suspect of suspects) {
      this.refused.add({ layer, ...suspect }, contents.get(suspect.name) ?? '');
    }
    return suspects.length > 0;
  }

  #layer(layer: Layer): LiveFile | LiveTables {
    return { listener: this.listeners, cluster: this.clusters, table: this.tables }[layer];
  }
}
