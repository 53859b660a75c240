// The route tables, one RDS file each: the contents of the files, what of it Envoy accepted last, and how to change
// them. A table that no listener names has no subscription; its file is written and waits to be named. A file that
// cannot be written holds back no other.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AtomicFiles, writeProblem } from '../../lib/atomic-file.ts';
import type { LiveVersions } from '../process/envoy-admin.ts';
import { discoveryFile, tablePath } from './config-files.ts';
import type { Content, Contents } from './contents.ts';
import { awaitTables, type LiveOutcome, type LiveWait, staleTables } from './live-wait.ts';

export class LiveTables {
  readonly #directory: string;
  readonly #files: AtomicFiles;
  readonly #contents: Map<string, Content>;
  readonly #good: Map<string, Content>;
  readonly #versions = new Map<string, string>();
  readonly #problems = new Map<string, string>();
  /** Subscribed in another version than the file's, as far as we know. */
  #stale = new Set<string>();

  constructor(directory: string, files: AtomicFiles, contents: Contents) {
    this.#directory = directory;
    this.#files = files;
    this.#contents = new Map(contents);
    this.#good = new Map(contents);
    for (const [name, content] of contents) {
      this.#versions.set(name, tableFile(name, content).version);
    }
  }

  get contents(): Contents {
    return this.#contents;
  }

  get good(): Contents {
    return this.#good;
  }

  /** Why files do not hold what was pushed last, by table. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Records what Envoy runs; returns whether it has all tables that it subscribes to in the files' versions. */
  confirm(live: LiveVersions): boolean {
    this.#stale = new Set(staleTables(live, this.#versions));
    for (const [name, version] of this.#versions) {
      const content = this.#contents.get(name);
      if (content !== undefined && live.rds.get(name) === version) {
        this.#good.set(name, content);
      }
    }
    return this.#stale.size === 0;
  }

  /** Writes the tables whose text differs; undefined where there are none. Throws EnvoyNotRunning. */
  async push(wanted: Contents, wait: LiveWait | undefined): Promise<LiveOutcome | undefined> {
    const changed = [...wanted].filter(([name, { text }]) => {
      return this.#contents.get(name)?.text !== text || this.#stale.has(name);
    });
    if (changed.length > 0) {
      await wait?.log.mark();
    }
    const versions = new Map<string, string>();
    for (const [name, content] of changed) {
      const version = await this.#write(name, content);
      if (version !== undefined) {
        versions.set(name, version);
      }
    }
    this.#takeOver(wanted);
    if (wait === undefined || versions.size === 0) {
      return undefined;
    }
    const outcome = await awaitTables(wait, versions);
    if (outcome.status === 'applied') {
      this.confirm(outcome.live);
    }
    return outcome;
  }

  /** The version that was written. */
  async #write(name: string, content: Content): Promise<string | undefined> {
    const { version, text } = tableFile(name, content);
    try {
      await this.#files.writeFileAtomic(tablePath(this.#directory, name), text, { evenIfUnchanged: true });
    } catch (error) {
      this.#problems.set(name, writeProblem(join(this.#directory, `rds/${name}.json`), error));
      return undefined;
    }
    this.#contents.set(name, content);
    this.#versions.set(name, version);
    return version;
  }

  /** A text that a former process wrote is known once it is wanted again. */
  #takeOver(wanted: Contents): void {
    for (const [name, content] of wanted) {
      if (this.#contents.get(name)?.text !== content.text) {
        continue;
      }
      this.#problems.delete(name);
      this.#contents.set(name, content);
      if (this.#good.get(name)?.text === content.text) {
        this.#good.set(name, content);
      }
    }
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
  async keepOnly(wanted: Contents): Promise<void> {
    await this.remove([...this.#contents.keys()].filter((name) => !wanted.has(name)));
  }

  /** Regardless of content: no listener names it any more. */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await rm(tablePath(this.#directory, name), { force: true, recursive: true });
      this.#contents.delete(name);
      this.#good.delete(name);
      this.#versions.delete(name);
      this.#problems.delete(name);
      this.#stale.delete(name);
    }
  }
}

function tableFile(name: string, content: Content): ReturnType<typeof discoveryFile> {
  return discoveryFile(new Map([[name, content]]));
}
