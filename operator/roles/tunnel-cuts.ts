// When tunnels that have lost their right are cut. Not with the tables that refuse new ones, but a little later and apart:
// a cut rewrites the file of all listeners, which takes a large Envoy seconds, and the next change must not wait for a cut
// that nobody needs. So Envoy is asked first which guards have tunnels at all.
import { EnvoyNotRunning, EnvoySilent, type OpenConnections } from '../gateway/process/envoy-admin.ts';
import { CLIENT_HELLO_TIMEOUT_MS } from '../model/access-log-line.ts';
import { guardFamily } from '../render/envoy/guard-names.ts';
import { cutTunnels } from '../render/envoy/tunnel-memory.ts';
import type { TunnelFile } from './tunnel-file.ts';

/** After that, what a worker had decided by the former table is open and counted. */
const SETTLE_MS = 500;
/** Before the next question to an Envoy that does not answer. */
const SILENCE_MS = 1000;

type Connections = ReadonlyMap<string, OpenConnections>;

export interface TunnelCutsOptions {
  readonly file: Pick<TunnelFile, 'memory' | 'keep'>;
  /** Connections of listeners that have any, by name. */
  readonly internalConnections: () => Promise<Connections>;
}

interface PlannedLook {
  readonly guard: string;
  /** Number of the revocation that it is for. */
  readonly revocation: number;
  readonly dueAtMs: number;
  /** Whether no connection can be on its way in any more that the former table had allowed. */
  readonly isLast: boolean;
}

export class TunnelCuts {
  readonly #options: TunnelCutsOptions;
  /** Revocations that looks have been planned for. */
  #known: Readonly<Record<string, number>> = {};
  #looks: readonly PlannedLook[] = [];

  constructor(options: TunnelCutsOptions) {
    this.#options = options;
  }

  /** To be called when Envoy runs the tables of the memory: from now on nothing is opened that was revoked before. */
  inForce(nowMs: number): void {
    const { revoked } = this.#options.file.memory;
    const fresh = Object.entries(revoked).filter(([guard, revocation]) => this.#known[guard] !== revocation);
    this.#known = revoked;
    const dueAtMs = nowMs + SETTLE_MS;
    const looks = fresh.map(([guard, revocation]) => ({ guard, revocation, dueAtMs, isLast: false }));
    this.#looks = [...this.#looks, ...looks];
  }

  /** Epoch milliseconds of the next look; infinite where none is planned. */
  get dueAtMs(): number {
    return Math.min(...this.#looks.map(({ dueAtMs }) => dueAtMs));
  }

  /** To be called before outputs are computed. Where tunnels have to end, the memory is another one afterwards. */
  async look(nowMs: number): Promise<void> {
    const due = this.#looks.filter(({ dueAtMs }) => dueAtMs <= nowMs);
    if (due.length === 0) return;
    const later = this.#looks.filter(({ dueAtMs }) => dueAtMs > nowMs);
    const connections = await this.#connections();
    if (connections === undefined) {
      this.#looks = [...due.map((look) => ({ ...look, dueAtMs: nowMs + SILENCE_MS })), ...later];
      return;
    }
    const seen = due.map((look) => ({ look, ...stateOf(look, connections) }));
    const { file } = this.#options;
    const { revoked } = file.memory;
    const guards = seen.map(({ look: { guard, revocation }, hasTunnels, isSettled }) => {
      return { guard, hasTunnels, isDone: isSettled && revoked[guard] === revocation };
    });
    await file.keep(cutTunnels(file.memory, guards));
    const again = seen.flatMap(({ look, isSettled }) => (isSettled ? [] : [lastLookAfter(look)]));
    this.#looks = [...again, ...later];
  }

  /** None where Envoy does not run; undefined where it does not say. */
  async #connections(): Promise<Connections | undefined> {
    try {
      return await this.#options.internalConnections();
    } catch (error) {
      if (error instanceof EnvoyNotRunning) return new Map();
      if (error instanceof EnvoySilent) return undefined;
      throw error;
    }
  }
}

function lastLookAfter(look: PlannedLook): PlannedLook {
  return { ...look, dueAtMs: look.dueAtMs + CLIENT_HELLO_TIMEOUT_MS, isLast: true };
}

interface GuardState {
  readonly hasTunnels: boolean;
  /** Whether all that the former table had allowed is among them, or has ended. */
  readonly isSettled: boolean;
}

/** A client that has not said which server it means passes the guard as it is when it does: after a cut, unharmed. */
function stateOf({ guard, isLast }: PlannedLook, connections: Connections): GuardState {
  const family = guardFamily(guard).flatMap((name) => connections.get(name) ?? []);
  return {
    hasTunnels: family.some(({ open }) => open > 0),
    isSettled: isLast || family.every(({ starting }) => starting === 0),
  };
}
