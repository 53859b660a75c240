// One pass that brings one configuration into force, step by step. Each step is repeated without what Envoy refused
// until Envoy takes it; a later step leaves out what depends on that.

import type { EnvoyConfig } from '../../render/envoy/envoy-config.ts';
import { EnvoyNotRunning, EnvoySilent, type LiveVersions } from '../process/envoy-admin.ts';
import type { ResourceTexts } from './config-files.ts';
import type { EnvoyState } from './envoy-state.ts';
import type { LiveOutcome, LiveWait } from './live-wait.ts';
import type { Layer } from './refusals.ts';
import { isEntrance, type WantedConfig } from './wanted-config.ts';

/** `look`: Envoy was asked what it runs. */
export type ApplyStep = 'look' | 'guards' | 'clusters' | 'routeTables' | 'entrances' | 'removal';

/** A step that could not be completed; the steps after it were not taken. */
export interface StepFailure {
  readonly step: ApplyStep;
  readonly status: 'rejected' | 'timeout';
  readonly text: string;
}

export interface ApplyRunOptions {
  readonly state: EnvoyState;
  readonly next: EnvoyConfig;
  readonly tableLimit: number;
  readonly wait: LiveWait;
}

interface Step {
  readonly name: ApplyStep;
  readonly layer: Layer;
  /** Undefined where there was nothing to do or nobody to wait for. */
  readonly push: () => Promise<LiveOutcome | undefined>;
}

export class ApplyRun {
  readonly #state: EnvoyState;
  readonly #options: ApplyRunOptions;
  /** Undefined once Envoy turned out not to run: from then on files are only written. */
  #wait: LiveWait | undefined;
  #live: LiveVersions | undefined;
  #hasMovedEntrances = false;

  constructor(options: ApplyRunOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#wait = options.wait;
  }

  get isDown(): boolean {
    return this.#wait === undefined;
  }

  /** Old entrances drain now. */
  get hasMovedEntrances(): boolean {
    return this.#hasMovedEntrances;
  }

  wanted(): WantedConfig {
    return this.#state.wanted(this.#options.next, this.#options.tableLimit);
  }

  /** What Envoy runs, as far as this pass knows or can ask. */
  async live(): Promise<LiveVersions | undefined> {
    if (this.isDown) {
      return undefined;
    }
    await this.#whileRunning(async (wait) => {
      this.#live ??= await wait.admin.versions();
    });
    return this.#live;
  }

  /** Believes only what Envoy says: for the first pass, and after a death or a timeout. */
  async look(): Promise<StepFailure | undefined> {
    try {
      this.#state.confirm(await this.live());
      return undefined;
    } catch (error) {
      if (error instanceof EnvoySilent) {
        return { step: 'look', status: 'timeout', text: error.message };
      }
      throw error;
    }
  }

  // New guards before the clusters that lead to them, these before the tables that name them, tables before the
  // entrances that name tables; nothing that may be in use goes away yet. A guard that changes ends its tunnels, so it
  // goes last. What stays the same is not written, so a change of destinations alone is the rename of one table's file.
  async addAndChange(): Promise<StepFailure | undefined> {
    const { listeners, clusters, tables } = this.#state;
    const steps: Step[] = [
      { name: 'guards', layer: 'listener', push: () => listeners.push(this.#withNewGuards(), this.#wait) },
      { name: 'clusters', layer: 'cluster', push: () => clusters.push(this.#withNewClusters(), this.#wait) },
      { name: 'routeTables', layer: 'table', push: () => tables.push(this.wanted().tables, this.#wait) },
      { name: 'entrances', layer: 'listener', push: () => this.#pushEntrances() },
    ];
    return await this.#takeAll(steps);
  }

  /** Takes away what the configuration no longer has, in reverse. */
  async removeUnused(): Promise<StepFailure | undefined> {
    const { listeners, clusters, tables } = this.#state;
    await tables.keepOnly(this.wanted().tables);
    const left = (): ResourceTexts => union(this.wanted().guards, this.wanted().entrances);
    return await this.#takeAll([
      { name: 'removal', layer: 'cluster', push: () => clusters.push(this.wanted().clusters, this.#wait) },
      { name: 'removal', layer: 'listener', push: () => listeners.push(left(), this.#wait) },
    ]);
  }

  #withNewGuards(): ResourceTexts {
    return union(this.wanted().guards, this.#state.usable('listener'));
  }

  #withNewClusters(): ResourceTexts {
    return union(this.#state.usable('cluster'), this.wanted().clusters);
  }

  async #pushEntrances(): Promise<LiveOutcome | undefined> {
    const guards = [...this.#state.usable('listener')].filter(([, text]) => !isEntrance(text));
    const { guards: wantedGuards, entrances } = this.wanted();
    const contents = union(new Map(guards), union(wantedGuards, entrances));
    const outcome = await this.#state.listeners.push(contents, this.#wait);
    return outcome?.status === 'applied' ? await this.#checkNewTables(outcome) : outcome;
  }

  // A table that nobody named before is read only now. If it is refused, the entrances that name it have no routes:
  // they go back to what they were, before they count as accepted.
  async #checkNewTables(accepted: LiveOutcome & { status: 'applied' }): Promise<LiveOutcome | undefined> {
    this.#hasMovedEntrances = true;
    const { tables } = this.#state;
    if (tables.confirm(accepted.live)) {
      return accepted;
    }
    const outcome = await tables.settle(this.#options.wait);
    if (outcome.status !== 'rejected') {
      return outcome;
    }
    this.#state.refuse('table', outcome.refused, outcome.text);
    await this.#revertTables(outcome.refused.map(({ name }) => name));
    return (await this.#pushEntrances()) ?? accepted;
  }

  /** Back to the last good text, or away where there is none. */
  async #revertTables(names: readonly string[]): Promise<void> {
    const { tables } = this.#state;
    const wanted = this.wanted().tables;
    await tables.remove(names.filter((name) => !wanted.has(name)));
    await tables.push(wanted, this.#wait);
  }

  async #takeAll(steps: readonly Step[]): Promise<StepFailure | undefined> {
    for (const step of steps) {
      const failure = await this.#take(step);
      if (failure !== undefined) {
        return failure;
      }
    }
    return undefined;
  }

  // Ends: every round but the last one adds to what is refused.
  async #take({ name, layer, push }: Step): Promise<StepFailure | undefined> {
    for (;;) {
      const outcome = await this.#whileRunning(push);
      if (outcome === undefined) {
        return undefined;
      }
      if (outcome.status === 'applied') {
        this.#live = outcome.live;
        this.#accept(layer);
        return undefined;
      }
      if (outcome.status === 'timeout') {
        return { step: name, status: 'timeout', text: noAnswer(this.#options.wait.timeoutMs) };
      }
      if (!this.#state.refuse(layer, outcome.refused, outcome.text)) {
        return { step: name, status: 'rejected', text: outcome.text };
      }
    }
  }

  #accept(layer: Layer): void {
    if (layer !== 'table') {
      (layer === 'listener' ? this.#state.listeners : this.#state.clusters).accept();
    }
  }

  async #whileRunning<T>(work: (wait: LiveWait) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(this.#options.wait);
    } catch (error) {
      if (!(error instanceof EnvoyNotRunning)) {
        throw error;
      }
      this.#wait = undefined;
      this.#live = undefined;
      return undefined;
    }
  }
}

function noAnswer(timeoutMs: number): string {
  return `Cannot tell what Envoy runs: it did not report the new version within ${timeoutMs} ms, look at its log`;
}

/** `next` wins for a name that both have. */
function union(present: ResourceTexts, next: ResourceTexts): ResourceTexts {
  return new Map([...present, ...next]);
}
