// One pass over a gateway: computes all outputs and applies them, in the only safe order.
// Nothing else has the parts for it, and each step takes the result of the one before:
//   1. revoked tunnels are closed; outputs are computed from the remaining ones
//   2. what the next start needs is stored before Envoy is changed
//   3. limits are written before the listeners that they are for; then Envoy and the DNS get the outputs
//   4. a moment after Envoy runs the tables, tunnels that they revoked are searched for
import { SYSTEM_CLOCK } from '../lib/loop.ts';
import type { CompiledObjects, GatewayOutputs } from '../pipeline.ts';
import type { TunnelMemory } from '../render/envoy/tunnel-memory.ts';
import type { GatewayDns } from './dns/gateway-dns.ts';
import { egressResources } from './egress/egress-resources.ts';
import type { EntryUses } from './egress/entry-uses.ts';
import { heldBackSentences } from './egress/held-back-sentences.ts';
import type { ConnectionLimits } from './process/connection-limits.ts';
import type { TunnelCloser } from './tunnels/tunnel-closer.ts';
import type { TunnelFile } from './tunnels/tunnel-file.ts';
import type { XdsResult } from './xds/xds-applier.ts';
import type { XdsEnvoy } from './xds/xds-envoy.ts';

/** Pause before another attempt at what is not in force. */
const RETRY_MS = 2000;

export type PassOutputs = CompiledObjects & GatewayOutputs;

/** Parts of a pass that differ between roles. */
export interface PassWork<Outputs extends PassOutputs> {
  /** `tunnels` are those that may be open. */
  readonly compute: (tunnels: TunnelMemory) => Promise<Outputs>;
  /**
   * Stores what the role needs at its next start. Returns why that failed; nothing waits for it, since that would
   * hold back removals.
   */
  readonly remember: (outputs: Outputs) => Promise<string | undefined>;
}

interface Remembered<Outputs extends PassOutputs> {
  readonly outputs: Outputs;
  /** What could not be stored, and why. */
  readonly unsaved: readonly string[];
}

export interface PassResult<Outputs extends PassOutputs> extends Remembered<Outputs> {
  readonly result: XdsResult;
  /** Whether Envoy has accepted or rejected them. */
  readonly isAnswered: boolean;
  /** A sentence for each thing that is not in force. */
  readonly heldBack: readonly string[];
  /** When the next pass is due without an event, in epoch milliseconds; infinite where none is. */
  readonly runAgainAtMs: number;
}

export interface GatewayPassParts {
  readonly envoy: Pick<XdsEnvoy, 'serve' | 'serveRemembered' | 'close'>;
  readonly limits: ConnectionLimits;
  readonly dns: Pick<GatewayDns, 'serve'>;
  readonly tunnels: TunnelFile;
  readonly tunnelCloser: TunnelCloser;
  readonly uses: Pick<EntryUses, 'remember'>;
}

export class GatewayPass {
  readonly #parts: GatewayPassParts;

  constructor(parts: GatewayPassParts) {
    this.#parts = parts;
  }

  async run<Outputs extends PassOutputs>(work: PassWork<Outputs>): Promise<PassResult<Outputs>> {
    return await this.#bringIntoForce(await this.#remember(work));
  }

  /**
   * For a gateway that knows no tables yet, or only those of the last time: writes the limits, serves the DNS, and starts
   * Envoy with what it had, where that is known. Stores nothing.
   */
  async prepare({ compute }: Pick<PassWork<PassOutputs>, 'compute'>): Promise<void> {
    const { envoy, limits, tunnels } = this.#parts;
    const outputs = await compute(tunnels.memory);
    await limits.prepare(outputs.egressListeners);
    await this.#serve(outputs, () => envoy.serveRemembered());
  }

  /** Waits for what is on its way to Envoy. */
  close(): Promise<void> {
    return this.#parts.envoy.close();
  }

  async #remember<Outputs extends PassOutputs>({
    compute,
    remember,
  }: PassWork<Outputs>): Promise<Remembered<Outputs>> {
    const { tunnels, tunnelCloser } = this.#parts;
    await tunnelCloser.check(performance.now());
    const outputs = await compute(tunnels.memory);
    const unsaved = await remember(outputs);
    this.#parts.uses.remember(outputs.tables, outputs.egressListeners);
    await tunnels.keep(outputs.tunnels);
    return { outputs, unsaved: [unsaved, tunnels.problem].filter((problem) => problem !== undefined) };
  }

  async #serve<Answer>(outputs: PassOutputs, serveEnvoy: () => Promise<Answer>): Promise<Answer> {
    const { dns } = this.#parts;
    const served = dns.serve(outputs.egressListeners, outputs);
    const [answer] = await Promise.all([serveEnvoy(), served]);
    return answer;
  }

  async #bringIntoForce<Outputs extends PassOutputs>({
    outputs,
    unsaved: notRemembered,
  }: Remembered<Outputs>): Promise<PassResult<Outputs>> {
    const { envoy, limits, tunnelCloser } = this.#parts;
    await limits.serve(outputs.egressListeners);
    const applied = await this.#serve(outputs, () => envoy.serve(egressResources(outputs.envoy)));
    const { result } = applied;
    const isAnswered = result.status === 'applied' || result.status === 'heldBack';
    if (isAnswered) tunnelCloser.inForce(outputs.envoy.internalListeners, performance.now());
    const heldBack = await heldBackSentences(result);
    const unsaved = [...notRemembered, ...applied.unsaved];
    const isWhole = isAnswered && heldBack.length + unsaved.length === 0;
    const nowMs = SYSTEM_CLOCK.nowMs();
    const retryAtMs = isWhole ? Number.POSITIVE_INFINITY : nowMs + RETRY_MS;
    const closesAtMs = nowMs + tunnelCloser.dueAtMs - performance.now();
    const changesAtMs = outputs.changesAtMs ?? Number.POSITIVE_INFINITY;
    const runAgainAtMs = Math.min(changesAtMs, closesAtMs, retryAtMs);
    return { outputs, unsaved, result, isAnswered, heldBack, runAgainAtMs };
  }
}
