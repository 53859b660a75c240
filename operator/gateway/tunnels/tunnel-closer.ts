// Decides when revoked tunnels are closed. Not with the tables that deny new ones, but a little later, when every tunnel
// that a former table allowed is open and counted; and only where Envoy has connections at all, since closing takes those
// of the whole shard along.
import type { InternalListener } from '../../render/envoy/envoy-config.ts';
import { closeTunnels } from '../../render/envoy/tunnel-memory.ts';
import { askEnvoy } from '../process/envoy-polls.ts';
import type { TunnelFile } from './tunnel-file.ts';

/** Afterwards every tunnel that a worker allowed by the former table is open and counted. */
const SETTLE_MS = 500;
/** Before the next request to an Envoy that does not answer. */
const SILENCE_MS = 1000;

export interface TunnelCloserOptions {
  readonly file: Pick<TunnelFile, 'memory' | 'keep'>;
  /** Names of the internal listeners that have connections. */
  readonly listenersInUse: () => Promise<ReadonlySet<string>>;
}

interface PlannedCheck {
  readonly tunnelCheck: string;
  /** Number of the revocation. */
  readonly revocation: number;
  readonly dueAtMs: number;
}

export class TunnelCloser {
  readonly #options: TunnelCloserOptions;
  /** Revocations with a planned check. */
  #known: Readonly<Record<string, number>> = {};
  #plannedChecks: readonly PlannedCheck[] = [];
  /** Of the configuration in force, by tunnel check. */
  #listenersOf: ReadonlyMap<string | undefined, readonly InternalListener[]> = new Map();

  constructor(options: TunnelCloserOptions) {
    this.#options = options;
  }

  /** Envoy runs the tables of the memory: from now on no revoked tunnel can be opened. */
  inForce(internalListeners: readonly InternalListener[], nowMs: number): void {
    this.#listenersOf = Map.groupBy(internalListeners, ({ tunnelCheck }) => tunnelCheck);
    const { revoked } = this.#options.file.memory;
    const fresh = Object.entries(revoked).filter(
      ([tunnelCheck, revocation]) => this.#known[tunnelCheck] !== revocation,
    );
    this.#known = revoked;
    const dueAtMs = nowMs + SETTLE_MS;
    this.#plannedChecks = [
      ...this.#plannedChecks,
      ...fresh.map(([tunnelCheck, revocation]) => ({ tunnelCheck, revocation, dueAtMs })),
    ];
  }

  /** Time of the next check, by the clock of its callers, which nobody turns back; infinite where none is planned. */
  get dueAtMs(): number {
    return Math.min(...this.#plannedChecks.map(({ dueAtMs }) => dueAtMs));
  }

  /** Where tunnels must be closed, the memory has changed afterwards. */
  async check(nowMs: number): Promise<void> {
    const due = this.#plannedChecks.filter(({ dueAtMs }) => dueAtMs <= nowMs);
    if (due.length === 0) return;
    const later = this.#plannedChecks.filter(({ dueAtMs }) => dueAtMs > nowMs);
    // None has tunnels where Envoy does not run.
    const inUse = await askEnvoy(this.#options.listenersInUse, { gone: new Set(), silent: undefined });
    if (inUse === undefined) {
      this.#plannedChecks = [...due.map((check) => ({ ...check, dueAtMs: nowMs + SILENCE_MS })), ...later];
      return;
    }
    const { file } = this.#options;
    const plannedChecks = due.map(({ tunnelCheck, revocation }) => {
      const listeners = this.#listenersOf.get(tunnelCheck);
      // One that is gone may come back before Envoy has let go of its tunnels.
      const hasTunnels = listeners === undefined || listeners.some(({ name }) => inUse.has(name));
      return { tunnelCheck, revocation, hasTunnels };
    });
    await file.keep(closeTunnels(file.memory, plannedChecks));
    this.#plannedChecks = later;
  }
}
