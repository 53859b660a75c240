// One pass that brings one configuration into force, step by step. Each step is repeated without what Envoy rejected
// until Envoy accepts the rest, and no step waits for the success of another one: what is missing is denied to clients.
import type { EnvoyConfig } from '../../render/envoy/envoy-config.ts';
import { EnvoyNotRunning, EnvoySilent, type LiveVersions } from '../process/envoy-admin.ts';
import { type ConfigContents, type Content, type Contents, contentsOf, placeKey } from './contents.ts';
import type { EnvoyState } from './envoy-state.ts';
import type { HeldBack } from './held-back.ts';
import type { LiveOutcome, LiveWait } from './live-wait.ts';
import type { Layer } from './rejections.ts';
import type { WantedConfig } from './wanted-config.ts';

/** `query`: Envoy was asked what it runs. */
export type ApplyStep =
  | 'query'
  | 'internalListeners'
  | 'clusters'
  | 'routeTables'
  | 'egressListeners'
  | 'removal';

/** Envoy did not answer in time; what came after was written, and Envoy not asked. */
export interface Silence {
  readonly step: ApplyStep;
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
  /** Undefined where there was nothing to do, or no Envoy to wait for. */
  readonly push: () => Promise<LiveOutcome | undefined>;
}

export class ApplyRun {
  readonly #state: EnvoyState;
  readonly #options: ApplyRunOptions;
  readonly #all: ConfigContents;
  /** Undefined once Envoy turned out not to run or not to answer: from then on files are only written. */
  #wait: LiveWait | undefined;
  #isDown = false;
  #silence: Silence | undefined;
  #live: LiveVersions | undefined;
  #hasMovedListeners = false;

  constructor(options: ApplyRunOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#all = contentsOf(options.next);
    this.#wait = options.wait;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  get silence(): Silence | undefined {
    return this.#silence;
  }

  /** Old egress listeners drain now. */
  get hasMovedListeners(): boolean {
    return this.#hasMovedListeners;
  }

  heldBack(): readonly HeldBack[] {
    return this.#state.heldBack(this.#all, this.#options.tableLimit);
  }

  #wanted(): WantedConfig {
    return this.#state.wanted(this.#all, this.#options.tableLimit);
  }

  /** What Envoy runs, as far as this pass knows or can ask. */
  async live(): Promise<LiveVersions | undefined> {
    if (this.#isDown) return undefined;
    await this.#whileAnswering('query', async (wait) => {
      this.#live ??= await wait.admin.versions();
    });
    return this.#live;
  }

  /** Trusts only Envoy's answers: for the first pass, and after an exit or a timeout. */
  async check(): Promise<void> {
    this.#state.confirm(await this.live());
  }

  // Tables that need no new cluster go first, since they may revoke something. Then new tunnel checks before the
  // clusters that lead to them, these before the tables that name them, tables before the egress listeners that name
  // tables; no tunnel check goes away yet. A tunnel check that changes closes its tunnels, so it goes last. What stays
  // the same is not written, so a change of destinations alone is the rename of one table's file.
  async addAndChange(): Promise<void> {
    const { listeners, clusters, tables } = this.#state;
    const steps: Step[] = [
      { name: 'routeTables', layer: 'table', push: () => tables.push(this.#readyTables(), this.#wait) },
      {
        name: 'internalListeners',
        layer: 'listener',
        push: () => listeners.push(this.#withNewInternalListeners(), this.#wait),
      },
      { name: 'clusters', layer: 'cluster', push: () => clusters.push(this.#withNewClusters(), this.#wait) },
      { name: 'routeTables', layer: 'table', push: () => tables.push(this.#wanted().tables, this.#wait) },
      { name: 'egressListeners', layer: 'listener', push: () => this.#pushWithoutMovers() },
      { name: 'egressListeners', layer: 'listener', push: () => this.#pushEgressListeners() },
    ];
    for (const step of steps) await this.#take(step);
  }

  /**
   * Removes tunnel checks, clusters and tables that the configuration no longer has, in reverse. Not while a former
   * version of anything is in force, which may need them; by themselves they allow nothing.
   */
  async removeUnused(): Promise<void> {
    const { listeners, clusters, tables } = this.#state;
    await tables.keepOnly(this.#wanted().tables);
    const left = (): Contents => union(this.#wanted().internalListeners, this.#wanted().egressListeners);
    await this.#take({
      name: 'removal',
      layer: 'cluster',
      push: () => clusters.push(this.#wanted().clusters, this.#wait),
    });
    await this.#take({ name: 'removal', layer: 'listener', push: () => listeners.push(left(), this.#wait) });
  }

  #readyTables(): Contents {
    const { contents, good } = this.#state.clusters;
    const isThere = (name: string): boolean => contents.has(name) && good.has(name);
    const { clustersOf } = this.#all;
    return new Map(
      [...this.#wanted().tables].filter(([name]) => clustersOf.get(name)?.every(isThere) ?? false),
    );
  }

  #withNewInternalListeners(): Contents {
    return union(this.#wanted().internalListeners, this.#state.usable('listener'));
  }

  #withNewClusters(): Contents {
    return union(this.#state.usable('cluster'), this.#wanted().clusters);
  }

  /**
   * Egress listeners that the configuration does not have are removed at once: their ports may be needed, and must
   * accept nobody.
   */
  #nextListeners(): Contents {
    const { internalListeners, egressListeners } = this.#wanted();
    const internal = [...this.#state.usable('listener')].filter(([, { places }]) => places.length === 0);
    return union(new Map(internal), union(internalListeners, egressListeners));
  }

  /** A listener cannot take a port before the one that has it has moved; so those that move are removed before. */
  async #pushWithoutMovers(): Promise<LiveOutcome | undefined> {
    const next = this.#nextListeners();
    const wanted = new Set([...next.values()].flatMap(({ places }) => places.map(placeKey)));
    const movers = [...this.#state.listeners.contents].filter(([name, { places }]) => {
      const kept = new Set(next.get(name)?.places.map(placeKey));
      return next.has(name) && places.map(placeKey).some((place) => wanted.has(place) && !kept.has(place));
    });
    if (movers.length === 0) return undefined;
    const left = new Map(next);
    for (const [name] of movers) left.delete(name);
    return await this.#state.listeners.push(left, this.#wait);
  }

  async #pushEgressListeners(): Promise<LiveOutcome | undefined> {
    const outcome = await this.#state.listeners.push(this.#nextListeners(), this.#wait);
    return outcome?.status === 'applied' ? await this.#checkNewTables(outcome) : outcome;
  }

  // Envoy reads a table only once a listener names it. If it rejects the table, the egress listeners that name it have
  // no routes: they go back to what they were, before they count as accepted.
  async #checkNewTables(accepted: LiveOutcome & { status: 'applied' }): Promise<LiveOutcome | undefined> {
    this.#hasMovedListeners = true;
    const { tables } = this.#state;
    if (tables.confirm(accepted.live)) {
      return accepted;
    }
    const outcome = await tables.settle(this.#options.wait);
    if (outcome.status !== 'rejected') {
      return outcome;
    }
    this.#state.reject('table', outcome.rejected, outcome.text);
    await this.#revertTables(outcome.rejected.map(({ name }) => name));
    return (await this.#pushEgressListeners()) ?? accepted;
  }

  /** Back to the last good text; removes the file where there is none. */
  async #revertTables(names: readonly string[]): Promise<void> {
    const { tables } = this.#state;
    const wanted = this.#wanted().tables;
    await tables.remove(names.filter((name) => !wanted.has(name)));
    await tables.push(wanted, this.#wait);
  }

  // Terminates: every round but the last one adds a rejection.
  async #take({ name, layer, push }: Step): Promise<void> {
    for (;;) {
      const outcome = await this.#whileAnswering(name, push);
      if (outcome?.status === 'applied') {
        this.#live = outcome.live;
        this.#accept(layer);
      }
      if (outcome?.status === 'timeout') {
        this.#fallSilent(name, noAnswer(this.#options.wait.timeoutMs));
      }
      if (outcome?.status !== 'rejected' || !this.#state.reject(layer, outcome.rejected, outcome.text)) {
        return;
      }
    }
  }

  #accept(layer: Layer): void {
    if (layer !== 'table') {
      (layer === 'listener' ? this.#state.listeners : this.#state.clusters).accept();
    }
  }

  #fallSilent(step: ApplyStep, text: string): void {
    this.#silence ??= { step, text };
    this.#wait = undefined;
    this.#live = undefined;
  }

  async #whileAnswering<T>(
    step: ApplyStep,
    work: (wait: LiveWait) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    try {
      return await work(this.#options.wait);
    } catch (error) {
      if (error instanceof EnvoySilent) {
        this.#fallSilent(step, error.message);
      } else if (error instanceof EnvoyNotRunning) {
        this.#isDown = true;
        this.#wait = undefined;
        this.#live = undefined;
      } else {
        throw error;
      }
      return undefined;
    }
  }
}

function noAnswer(timeoutMs: number): string {
  return `Cannot read what Envoy runs: it did not report the new version within ${timeoutMs} ms, check its log`;
}

/** `next` wins for a name that both have. */
function union(present: Contents, next: Contents): Map<string, Content> {
  return new Map([...present, ...next]);
}
