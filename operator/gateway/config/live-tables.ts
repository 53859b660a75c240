// The route tables, one RDS file each: what the files hold, what of it Envoy accepted last, and how to change them.
// A table that no listener names has no subscription; its file is written and waits to be named.

import { rm } from 'node:fs/promises';
import type { AtomicFiles } from '../atomic-files.ts';
import type { LiveVersions } from '../process/envoy-admin.ts';
import { discoveryFile, type ResourceTexts, tablePath } from './config-files.ts';
import { awaitTables, type LiveOutcome, type LiveWait, staleTables } from './live-wait.ts';

export class LiveTables {
  readonly #directory: string;
  readonly #files: AtomicFiles;
  readonly #contents: Map<string, string>;
  readonly #good: Map<string, string>;
  readonly #versions = new Map<string, string>();
  /** Subscribed in another version than the file's, as far as we know. */
  #stale = new Set<string>();

  constructor(directory: string, files: AtomicFiles, contents: ResourceTexts) {
    this.#directory = directory;
    this.#files = files;
    this.#contents = new Map(contents);
    this.#good = new Map(contents);
    for (const [name, text] of contents) {
      this.#versions.set(name, tableFile(name, text).version);
    }
  }

  get contents(): ResourceTexts {
    return this.#contents;
  }

  get good(): ResourceTexts {
    return this.#good;
  }

  /** Remembers what Envoy runs; returns whether it has all tables that it subscribes to in the files' versions. */
  confirm(live: LiveVersions): boolean {
    this.#stale = new Set(staleTables(live, this.#versions));
    for (const [name, version] of this.#versions) {
      if (live.rds.get(name) === version) {
        this.#good.set(name, this.#contents.get(name) ?? '');
      }
    }
    return this.#stale.size === 0;
  }

  /** Writes the tables whose text differs; undefined where there are none. Throws EnvoyNotRunning. */
  async push(wanted: ResourceTexts, wait: LiveWait | undefined): Promise<LiveOutcome | undefined> {
    const changed = [...wanted].filter(
      ([name, text]) => this.#contents.get(name) !== text || this.#stale.has(name),
    );
    if (changed.length === 0) {
      return undefined;
    }
    await wait?.log.mark();
    const versions = new Map<string, string>();
    for (const [name, text] of changed) {
      const file = tableFile(name, text);
      versions.set(name, file.version);
      await this.#files.writeFileAtomic(tablePath(this.#directory, name), file.text, {
        evenIfUnchanged: true,
      });
      this.#contents.set(name, text);
      this.#versions.set(name, file.version);
    }
    const outcome = wait === undefined ? undefined : await awaitTables(wait, versions);
    if (outcome?.status === 'applied') {
      this.confirm(outcome.live);
    }
    return outcome;
  }

  /** Waits for the tables that Envoy subscribes to but did not have in the file's version when it was last asked. */
  async settle(wait: LiveWait): Promise<LiveOutcome> {
    const versions = [...this.#versions].filter(([name]) => this.#stale.has(name));
    const outcome = await awaitTables(wait, new Map(versions));
    if (outcome.status === 'applied') {
      this.confirm(outcome.live);
    }
    return outcome;
  }

  /** Deletes the files of all tables but the wanted ones. */
  async keepOnly(wanted: ResourceTexts): Promise<void> {
    await this.remove([...this.#contents.keys()].filter((name) => !wanted.has(name)));
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await rm(tablePath(this.#directory, name), { force: true });
      this.#contents.delete(name);
      this.#good.delete(name);
      this.#versions.delete(name);
      this.#stale.delete(name);
    }
  }
}

function tableFile(name: string, text: string): ReturnType<typeof discoveryFile> {
  return discoveryFile(new Map([[name, text]]));
}
