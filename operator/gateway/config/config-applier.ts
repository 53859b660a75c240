// Brings an EnvoyConfig into force through Envoy's files and says what is live. After a refusal the last good
// configuration stays, on disk as well, so that an Envoy that starts anew comes up with it.
// Never throws for what Envoy thinks of a configuration.

import { join } from 'node:path';
import type { EnvoyConfig } from '../../render/envoy/envoy-config.ts';
import type { AtomicFiles } from '../atomic-files.ts';
import type { EnvoyAdmin } from '../process/envoy-admin.ts';
import { EnvoyLog } from '../process/envoy-log.ts';
import { ApplyRun, type ApplyStep, type StepFailure } from './apply-run.ts';
import { EnvoyState } from './envoy-state.ts';
import { routeTableLimit } from './inotify-limit.ts';
import type { LiveWait } from './live-wait.ts';
import { type Refusal, Refusals } from './refusals.ts';

/** Route table -> version that Envoy reports; only tables that Envoy subscribes to. */
export type Revisions = Readonly<Record<string, string>>;

interface Rejected {
  readonly status: 'rejected';
  readonly step: ApplyStep;
  /** Envoy's words. */
  readonly text: string;
  /** These are in force as they last were accepted, or not at all; everything else is in force. */
  readonly refusals: readonly Refusal[];
  /** Route tables and entrances that are not in force as configured. */
  readonly withheld: readonly string[];
  readonly revisions: Revisions;
}

/** Later steps were not taken; the next call asks Envoy what became of this one. */
interface TimedOut {
  readonly status: 'timeout';
  readonly step: ApplyStep;
  readonly text: string;
}

export type ApplyResult =
  | { readonly status: 'applied'; readonly revisions: Revisions }
  | Rejected
  | TimedOut
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

export class ConfigApplier {
  readonly #options: ConfigApplierOptions;
  readonly #wait: LiveWait;
  readonly #refused: Refusals;
  #state: EnvoyState | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  /** Whether Envoy is to be asked what it runs before anything else. */
  #isUnsure = true;
  #latest: EnvoyConfig | undefined;
  #removalDueMs = 0;
  #removal: NodeJS.Timeout | undefined;

  constructor(options: ConfigApplierOptions) {
    this.#options = options;
    this.#refused = new Refusals(options.retryMs ?? 60_000);
    const log = new EnvoyLog(join(options.directory, 'log/envoy.log'));
    this.#wait = { admin: options.admin, log, timeoutMs: options.timeoutMs ?? 10_000 };
  }

  /** Calls follow one another. Throws only when a file cannot be written or the admin interface is broken. */
  apply(config: EnvoyConfig): Promise<ApplyResult> {
    this.#latest = config;
    return this.#enqueue(() => this.#apply(config));
  }

  /** To be called after every start of Envoy: it is asked anew what it runs, and may accept what it refused. */
  envoyRestarted(): void {
    this.#isUnsure = true;
    this.#refused.forgetAll();
  }

  /** Waits for the calls under way. What still waits for its removal is removed by the next applier. */
  async close(): Promise<void> {
    await this.#queue;
    clearTimeout(this.#removal);
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #apply(config: EnvoyConfig): Promise<ApplyResult> {
    const run = await this.#startRun(config);
    const silence = this.#isUnsure ? await run.look() : undefined;
    // A throw on the way leaves us unsure, so that the next call believes nothing but what Envoy says.
    this.#isUnsure = true;
    const failure = silence ?? (await run.addAndChange()) ?? (await this.#removeUnused(run));
    if (failure?.status === 'timeout') {
      return { ...failure, status: 'timeout' };
    }
    const result = await resultOf(run, config, failure);
    this.#isUnsure = run.isDown || failure !== undefined;
    return result;
  }

  async #startRun(config: EnvoyConfig): Promise<ApplyRun> {
    const { directory, files } = this.#options;
    this.#refused.forgetOld();
    const state = (this.#state ??= await EnvoyState.read(directory, files, this.#refused));
    const tableLimit = this.#options.tableLimit ?? (await routeTableLimit());
    return new ApplyRun({ state, next: config, tableLimit, wait: this.#wait });
  }

  // While anything is refused, nothing is removed: what is in force may still need it.
  async #removeUnused(run: ApplyRun): Promise<StepFailure | undefined> {
    const drainMs = this.#options.drainMs ?? 7_000;
    if (run.hasMovedEntrances) {
      this.#removalDueMs = performance.now() + drainMs;
    }
    if (run.wanted().refusals.length > 0) {
      return undefined;
    }
    const waitMs = this.#removalDueMs - performance.now();
    if (waitMs <= 0) {
      return await run.removeUnused();
    }
    clearTimeout(this.#removal);
    this.#removal = setTimeout(() => {
      // What fails here fails again, and is reported, with the next call of the owner.
      this.#enqueue(async () => this.#latest && (await this.#apply(this.#latest))).catch(() => undefined);
    }, waitMs + 1).unref();
    return undefined;
  }
}

async function resultOf(
  run: ApplyRun,
  config: EnvoyConfig,
  failure: StepFailure | undefined,
): Promise<ApplyResult> {
  const live = await run.live();
  if (live === undefined) {
    return { status: 'notRunning' };
  }
  const names = config.routeTables.map(({ name }) => name);
  const reported = names.filter((name) => (live.rds.get(name) ?? '') !== '');
  const revisions = Object.fromEntries(reported.map((name) => [name, live.rds.get(name) ?? '']));
  const { refusals, withheld } = run.wanted();
  const refusal = refusals[0];
  if (failure !== undefined) {
    // Whatever came after the failed step has not been tried.
    const untried = [...config.routeTables, ...config.entrances].map(({ name }) => name);
    return { ...failure, status: 'rejected', refusals, withheld: untried, revisions };
  }
  if (refusal !== undefined) {
    const step = stepOf(refusal, config);
    return { status: 'rejected', step, text: refusal.text, refusals, withheld, revisions };
  }
  return { status: 'applied', revisions };
}

function stepOf({ layer, name }: Refusal, config: EnvoyConfig): ApplyStep {
  if (layer === 'listener') {
    return config.guards.some((guard) => guard.name === name) ? 'guards' : 'entrances';
  }
  return layer === 'cluster' ? 'clusters' : 'routeTables';
}
