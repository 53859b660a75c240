// The files of one Envoy: their contents, what of it Envoy accepted, and what it rejected. Read from the disk once, so
// that a new process continues where a killed one stopped, and updated by the applier.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AtomicFiles } from '../../lib/atomic-file.ts';
import type { LiveVersions } from '../process/envoy-admin.ts';
import { readStoredContents } from './config-files.ts';
import type { ConfigContents, Contents } from './contents.ts';
import { type HeldBack, heldBack } from './held-back.ts';
import { LiveFile } from './live-file.ts';
import { LiveTables } from './live-tables.ts';
import type { RejectedName } from './live-wait.ts';
import type { Layer, Rejections } from './rejections.ts';
import { type KnownState, lastGoodForRejected, type WantedConfig, wantedConfig } from './wanted-config.ts';

export class EnvoyState {
  readonly rejected: Rejections;
  readonly listeners: LiveFile;
  readonly clusters: LiveFile;
  readonly tables: LiveTables;

  private constructor(listeners: LiveFile, clusters: LiveFile, tables: LiveTables, rejected: Rejections) {
    this.listeners = listeners;
    this.clusters = clusters;
    this.tables = tables;
    this.rejected = rejected;
  }

  static async read(directory: string, files: AtomicFiles, rejected: Rejections): Promise<EnvoyState> {
    for (const name of ['lds', 'cds', 'rds']) {
      await mkdir(join(directory, name), { recursive: true });
    }
    const stored = await readStoredContents(directory, files);
    const lds = { kind: 'lds', path: join(directory, 'lds/listeners.json'), files } as const;
    const cds = { kind: 'cds', path: join(directory, 'cds/clusters.json'), files } as const;
    return new EnvoyState(
      new LiveFile({ ...lds, contents: stored.listeners }),
      new LiveFile({ ...cds, contents: stored.clusters }),
      new LiveTables(directory, files, stored.tables),
      rejected,
    );
  }

  /** Takes over the versions that Envoy reports; undefined where it does not answer. */
  confirm(live: LiveVersions | undefined): void {
    this.listeners.confirm(live);
    this.clusters.confirm(live);
    if (live !== undefined) {
      this.tables.confirm(live);
    }
  }

  wanted(all: ConfigContents, tableLimit: number): WantedConfig {
    return wantedConfig(all, this.#known(tableLimit));
  }

  heldBack(all: ConfigContents, tableLimit: number): readonly HeldBack[] {
    const known = this.#known(tableLimit);
    const problems = { listeners: this.listeners.problem, clusters: this.clusters.problem };
    return heldBack(all, wantedConfig(all, known), known, problems);
  }

  /** Why a file does not hold what was pushed last; empty where all do. */
  writeProblems(): readonly string[] {
    return [this.listeners.problem, this.clusters.problem, ...this.tables.problems.values()].filter(
      (problem) => problem !== undefined,
    );
  }

  /** What the files of a layer hold, with the last good content in place of a rejected one. */
  usable(layer: Layer): Contents {
    const { contents, good } = this.#layer(layer);
    return lastGoodForRejected(layer, contents, good, this.#known(Number.POSITIVE_INFINITY));
  }

  /**
   * Records what Envoy rejected; where it did not name the resource, all that it did not have before. False where that
   * leaves none: offering the rest again would change nothing.
   */
  reject(layer: Layer, rejected: readonly RejectedName[], text: string): boolean {
    const { contents, good } = this.#layer(layer);
    const fresh = [...contents.keys()].filter((name) => contents.get(name)?.text !== good.get(name)?.text);
    const known = rejected.filter(({ name }) => contents.has(name));
    const suspects = known.length > 0 ? known : fresh.map((name) => ({ name, text }));
    for (const suspect of suspects) {
      const content = contents.get(suspect.name);
      if (content !== undefined) {
        this.rejected.add(layer, suspect.name, suspect.text, content);
      }
    }
    return suspects.length > 0;
  }

  #known(tableLimit: number): KnownState {
    return {
      good: { listeners: this.listeners.good, clusters: this.clusters.good, tables: this.tables.good },
      rejectionOf: this.rejected.of.bind(this.rejected),
      unwritten: this.tables.problems,
      tableLimit,
    };
  }

  #layer(layer: Layer): LiveFile | LiveTables {
    return { listener: this.listeners, cluster: this.clusters, table: this.tables }[layer];
  }
}
