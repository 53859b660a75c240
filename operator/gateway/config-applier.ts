// Brings an EnvoyConfig into force: writes the files in the order in which nothing is ever named before it is there,
// and learns from Envoy what is live. After a refusal the last good configuration stays, on disk as well, so that
// an Envoy that starts anew comes up with it. Never throws for what Envoy thinks of a configuration.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnvoyConfig } from '../render/envoy/envoy-config.ts';
import type { AtomicFiles } from './atomic-files.ts';
import { readConfigTexts, type ResourceTexts } from './config-files.ts';
import { EnvoyNotRunning, type EnvoyAdmin, type LiveVersions } from './envoy-admin.ts';
import { EnvoyLog } from './envoy-log.ts';
import { routeTableLimit } from './inotify-limit.ts';
import { LiveFile } from './live-file.ts';
import { LiveTables } from './live-tables.ts';
import { explained, type LiveOutcome, type LiveWait, type RefusedName } from './live-wait.ts';
import { Refusals, type Layer, type Refusal } from './refusals.ts';
import { isEntrance, wantedConfig, type WantedConfig } from './wanted-config.ts';

export type ApplyStep = 'guards' | 'clusters' | 'routeTables' | 'entrances' | 'removal';

/** Route table -> version that Envoy reports; only tables that Envoy subscribes to. */
export type Revisions = Readonly<Record<string, string>>;

export type ApplyResult =
  | { readonly status: 'applied'; readonly revisions: Revisions }
  | {
      /** `refusals` are in force as they last were accepted, or not at all; everything else is in force. */
      readonly status: 'rejected';
      readonly step: ApplyStep;
      readonly text: string;
      readonly refusals: readonly Refusal[];
      readonly revisions: Revisions;
    }
  | { readonly status: 'timeout'; readonly step: ApplyStep; readonly text: string; readonly revisions: Revisions }
  /** The files are written; Envoy starts from them. */
  | { readonly status: 'notRunning' };

export interface ConfigApplierOptions {
  /** Absolute; the directory of one Envoy. */
  readonly directory: string;
  readonly admin: EnvoyAdmin;
  readonly files: AtomicFiles;
  /** The longest wait for Envoy in one step. */
  readonly timeoutMs?: number;
  /**
   * What nobody names any more is removed this long after the last change of entrances: connections to the old
   * ones are still served while they drain, and would get a 503 for a cluster that is gone. 0 removes at once.
   */
  readonly drainMs?: number;
  /** After how long a refused content is offered again. */
  readonly retryMs?: number;
  /** How many route tables this machine has room for; from the kernel's limits where absent. */
  readonly tableLimit?: number;
}

interface State {
  readonly listeners: LiveFile;
  readonly clusters: LiveFile;
  readonly tables: LiveTables;
}

type Failure = { readonly step: ApplyStep; readonly status: 'rejected' | 'timeout'; readonly text: string };

const stepOfLayer = { listener: 'entrances', cluster: 'clusters', table: 'routeTables' } as const;

export class ConfigApplier {
  readonly #options: ConfigApplierOptions;
  readonly #wait: LiveWait;
  readonly #refused: Refusals;
  #state: State | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #next: EnvoyConfig | undefined;
  #tableLimit = Number.POSITIVE_INFINITY;
  /** Whether Envoy is to be asked what it runs before anything else. */
  #isUnsure = true;
  #isDown = false;
  #live: LiveVersions | undefined;
  #removalDueMs = 0;
  #removal: NodeJS.Timeout | undefined;

  constructor(options: ConfigApplierOptions) {
    this.#options = options;
    this.#refused = new Refusals(options.retryMs ?? 60_000);
    const log = new EnvoyLog(join(options.directory, 'log/envoy.log'));
    this.#wait = { admin: options.admin, log, timeoutMs: options.timeoutMs ?? 10_000 };
  }

  /** Calls follow one another. Throws only when a file cannot be written or Envoy's admin is broken. */
  apply(config: EnvoyConfig): Promise<ApplyResult> {
    return this.#enqueue(() => this.#apply(config));
  }

  /** To be called after every start of Envoy: it is asked anew what it runs, and may accept what it refused. */
  envoyRestarted(): void {
    this.#isUnsure = true;
    this.#refused.forgetAll();
  }

  /** Ends the wait for a removal; what is left over is removed by the next applier of this directory. */
  async close(): Promise<void> {
    clearTimeout(this.#removal);
    await this.#queue;
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #apply(config: EnvoyConfig): Promise<ApplyResult> {
    this.#next = config;
    this.#refused.forgetOld();
    this.#tableLimit = this.#options.tableLimit ?? (await routeTableLimit());
    const state = (this.#state ??= await this.#readState());
    await this.#look(state);
    const failure = await this.#addAndChange(state);
    if (failure === undefined && this.#wanted(state).refusals.length === 0) {
      const removed = await this.#removeOrSchedule(state);
      return await this.#result(state, removed);
    }
    return await this.#result(state, failure);
  }

  async #readState(): Promise<State> {
    const { directory, files } = this.#options;
    for (const name of ['lds', 'cds', 'rds']) {
      await mkdir(join(directory, name), { recursive: true });
    }
    const texts = await readConfigTexts(directory, files);
    const lds = { kind: 'lds', path: join(directory, 'lds/listeners.json'), files } as const;
    const cds = { kind: 'cds', path: join(directory, 'cds/clusters.json'), files } as const;
    return {
      listeners: new LiveFile({ ...lds, contents: texts.listeners }),
      clusters: new LiveFile({ ...cds, contents: texts.clusters }),
      tables: new LiveTables(directory, files, texts.tables),
    };
  }

  // Only after a start, a death or a timeout: else we know what Envoy runs, and a change costs one question less.
  async #look(state: State): Promise<void> {
    this.#isDown = false;
    if (!this.#isUnsure) {
      return;
    }
    await this.#whileRunning(async () => {
      this.#live = await this.#options.admin.versions();
      state.listeners.confirm(this.#live);
      state.clusters.confirm(this.#live);
      state.tables.confirm(this.#live);
    });
    this.#isUnsure = this.#isDown;
  }

  /** Undefined, and no more waiting, where Envoy is not there. */
  async #whileRunning<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EnvoyNotRunning)) {
        throw error;
      }
      this.#isDown = true;
      this.#isUnsure = true;
      this.#state?.listeners.confirm(undefined);
      this.#state?.clusters.confirm(undefined);
      return undefined;
    }
  }

  #wanted(state: State): WantedConfig {
    const next = this.#next ?? { clusters: [], guards: [], entrances: [], routeTables: [] };
    const good = {
      listeners: state.listeners.good,
      clusters: state.clusters.good,
      tables: state.tables.good,
    };
    return wantedConfig(next, good, this.#refused, this.#tableLimit);
  }

  // Guards before the clusters that lead to them, these before the tables that name them, tables before the
  // entrances that name tables; nothing that is in use goes away yet.
  async #addAndChange(state: State): Promise<Failure | undefined> {
    const { listeners, clusters, tables } = state;
    const guards = () => union(this.#usable('listener', listeners), this.#wanted(state).guards);
    const entrances = () => {
      const present = [...this.#usable('listener', listeners)].filter(([, text]) => !isEntrance(text));
      const wanted = this.#wanted(state);
      return union(new Map(present), union(wanted.guards, wanted.entrances));
    };
    return (
      (await this.#settle('guards', 'listener', () => listeners.push(guards(), this.#waiting()))) ??
      (await this.#settle('clusters', 'cluster', () => {
        return clusters.push(union(this.#usable('cluster', clusters), this.#wanted(state).clusters), this.#waiting());
      })) ??
      (await this.#settle('routeTables', 'table', () => tables.push(this.#wanted(state).tables, this.#waiting()))) ??
      (await this.#settle('entrances', 'listener', async () => {
        const outcome = await listeners.push(entrances(), this.#waiting());
        return outcome?.status === 'applied' ? await this.#checkNewTables(state, outcome) : outcome;
      }))
    );
  }

  // A table that nobody named before is read only now; its refusal is learned here.
  async #checkNewTables(state: State, outcome: LiveOutcome & { status: 'applied' }): Promise<LiveOutcome> {
    this.#removalDueMs = performance.now() + (this.#options.drainMs ?? 7_000);
    const stale = state.tables.confirm(outcome.live);
    if (stale.length === 0) {
      return outcome;
    }
    const reasons = await this.#wait.log.refusalsSinceMark();
    this.#remember(state, 'table', explained(stale, reasons));
    await state.tables.remove(stale.filter((name) => !this.#wanted(state).tables.has(name)));
    await state.tables.push(this.#wanted(state).tables, this.#waiting());
    return { status: 'rejected', refused: [], text: reasons.join('; ') };
  }
}
