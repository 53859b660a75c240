// Brings an EnvoyConfig into force through Envoy's files and says what is live. What Envoy rejects, or the disk does
// not accept, holds back nothing else; its last good version stays, on disk as well, so that a restarted Envoy has it.
// Never throws for a rejected configuration.
import { join } from 'node:path';
import type { AtomicFiles } from '../../lib/atomic-file.ts';
import type { EnvoyConfig } from '../../render/envoy/envoy-config.ts';
import type { EnvoyAdmin } from '../process/envoy-admin.ts';
import { EnvoyLog } from '../process/envoy-log.ts';
import { ApplyRun, type Silence } from './apply-run.ts';
import { EnvoyState } from './envoy-state.ts';
import type { HeldBack } from './held-back.ts';
import { routeTableLimit } from './inotify-limit.ts';
import type { LiveWait } from './live-wait.ts';
import { Rejections } from './rejections.ts';

/** Route table -> version that Envoy reports; only tables that Envoy subscribes to. */
type Revisions = Readonly<Record<string, string>>;

/** Everything is in force but this. */
interface AppliedInPart {
  readonly status: 'heldBack';
  readonly heldBack: readonly HeldBack[];
  readonly revisions: Revisions;
}

export type ApplyResult =
  | { readonly status: 'applied'; readonly revisions: Revisions }
  | AppliedInPart
  /** Everything is written that could be; the next call asks Envoy for the result. */
  | (Silence & { readonly status: 'timeout' })
  /** The files are written, but for those that `problems` name; Envoy starts from them. */
  | { readonly status: 'notRunning'; readonly problems: readonly string[] };

export interface ConfigApplierOptions {
  /** Absolute; the directory of one Envoy. */
  readonly directory: string;
  readonly admin: EnvoyAdmin;
  readonly files: AtomicFiles;
  /** The longest wait for Envoy in one step. */
  readonly timeoutMs?: number;
  /**
   * Unused resources are removed this long after the last change of egress listeners: connections to the old ones are
   * still served while they drain, and would get a 503 for a cluster that is gone. 0 removes at once.
   */
  readonly drainMs?: number;
  /** The longest time until rejected content is offered again. */
  readonly retryMs?: number;
  /** How many route tables this machine can watch; from the kernel's limits where absent. */
  readonly tableLimit?: number;
}

export class ConfigApplier {
  readonly #options: ConfigApplierOptions;
  readonly #wait: LiveWait;
  readonly #rejected: Rejections;
  #state: EnvoyState | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  /** Whether Envoy is to be asked what it runs before anything else. */
  #isUnsure = true;
  #latest: EnvoyConfig | undefined;
  #removalDueMs = 0;
  #removal: NodeJS.Timeout | undefined;

  constructor(options: ConfigApplierOptions) {
    this.#options = options;
    this.#rejected = new Rejections(options.retryMs ?? 60_000);
    const log = new EnvoyLog(join(options.directory, 'log/envoy.log'));
    this.#wait = { admin: options.admin, log, timeoutMs: options.timeoutMs ?? 10_000 };
  }

  /** Calls follow one another. Throws only when the directory cannot be read or the admin interface is broken. */
  apply(config: EnvoyConfig): Promise<ApplyResult> {
    this.#latest = config;
    return this.#enqueue(() => this.#apply(config));
  }

  /** Call it after every start of Envoy: Envoy is asked what it runs, and may accept what it rejected before. */
  envoyRestarted(): void {
    this.#isUnsure = true;
    this.#rejected.forgetAll();
  }

  /** Waits for running calls. The next applier does the pending removals. */
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
    if (this.#isUnsure) await run.check();
    // A throw leaves the state unsure, so that the next call trusts only Envoy's answers.
    this.#isUnsure = true;
    await run.addAndChange();
    await this.#removeUnused(run);
    const result = await this.#resultOf(run, config);
    this.#isUnsure = result.status === 'notRunning' || result.status === 'timeout';
    return result;
  }

  async #startRun(config: EnvoyConfig): Promise<ApplyRun> {
    const { directory, files } = this.#options;
    await this.#rejected.offerWhatIsDue();
    const state = (this.#state ??= await EnvoyState.read(directory, files, this.#rejected));
    const tableLimit = this.#options.tableLimit ?? (await routeTableLimit());
    return new ApplyRun({ state, next: config, tableLimit, wait: this.#wait });
  }

  async #removeUnused(run: ApplyRun): Promise<void> {
    const drainMs = this.#options.drainMs ?? 7_000;
    if (run.hasMovedListeners) {
      this.#removalDueMs = performance.now() + drainMs;
    }
    // Nor after a timeout: what Envoy still needs is unknown.
    if (run.silence !== undefined || run.heldBack().some(({ isFormer }) => isFormer)) {
      return;
    }
    const waitMs = this.#removalDueMs - performance.now();
    if (waitMs <= 0) {
      await run.removeUnused();
      return;
    }
    clearTimeout(this.#removal);
    this.#removal = setTimeout(() => {
      // A failure here happens again, and is reported, with the owner's next call.
      this.#enqueue(async () => this.#latest && (await this.#apply(this.#latest))).catch(() => undefined);
    }, waitMs + 1).unref();
  }

  async #resultOf(run: ApplyRun, config: EnvoyConfig): Promise<ApplyResult> {
    const live = run.silence === undefined ? await run.live() : undefined;
    if (run.silence !== undefined) {
      return { status: 'timeout', ...run.silence };
    }
    if (live === undefined) {
      return { status: 'notRunning', problems: this.#state?.writeProblems() ?? [] };
    }
    const names = config.routeTables.map(({ name }) => name);
    const reported = names.filter((name) => (live.rds.get(name) ?? '') !== '');
    const revisions = Object.fromEntries(reported.map((name) => [name, live.rds.get(name) ?? '']));
    const heldBack = run.heldBack();
    return heldBack.length === 0
      ? { status: 'applied', revisions }
      : { status: 'heldBack', heldBack, revisions };
  }
}
