// One pass over a gateway: computes all outputs and applies them, in the only safe order.
// Nothing else has the parts for it, and each step takes the result of the one before:
//   1. revoked tunnels are closed; outputs are computed from the remaining ones
//   2. what the next start needs is stored before Envoy is changed
//   3. limits are written before the listeners that they are for; then Envoy and the DNS get the outputs
//   4. a moment after Envoy runs the tables, tunnels that they revoked are searched for
import { join } from 'node:path';
import { readIfExists } from '../lib/atomic-file.ts';
import { SYSTEM_CLOCK } from '../lib/loop.ts';
import type { CompiledObjects, GatewayOutputs } from '../pipeline.ts';
import type { EnvoyConfig } from '../render/envoy/envoy-config.ts';
import type { TunnelMemory } from '../render/envoy/tunnel-memory.ts';
import type { ApplyResult, ConfigApplier } from './config/config-applier.ts';
import { heldBackSentences } from './config/held-back-sentences.ts';
import type { GatewayDns } from './dns/gateway-dns.ts';
import type { ConnectionLimits } from './process/connection-limits.ts';
import type { TunnelCloser } from './tunnels/tunnel-closer.ts';
import type { TunnelFile } from './tunnels/tunnel-file.ts';

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
  readonly result: ApplyResult;
  /** Whether Envoy has accepted or rejected them. */
  readonly isAnswered: boolean;
  /** A sentence for each thing that is not in force. */
  readonly heldBack: readonly string[];
  /** When the next pass is due without an event, in epoch milliseconds; infinite where none is. */
  readonly runAgainAtMs: number;
}

export interface GatewayPassParts {
  /** Of Envoy's files. */
  readonly directory: string;
  readonly applier: ConfigApplier;
  readonly limits: ConnectionLimits;
  readonly dns: Pick<GatewayDns, 'serve'>;
  readonly tunnels: TunnelFile;
  readonly tunnelCloser: TunnelCloser;
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
   * For an Envoy that starts from the files of the last time: writes its limits, and its files where there are none,
   * and serves the DNS, which needs no Envoy. Stores nothing, since the tables may not be known yet.
   */
  async prepare({ compute }: Pick<PassWork<PassOutputs>, 'compute'>): Promise<void> {
    const { directory, applier, tunnels } = this.#parts;
    const hasFiles = await hasEnvoyFiles(directory);
    await this.#serve(await compute(tunnels.memory), async (envoy) => {
      if (!hasFiles) await applier.apply(envoy);
    });
  }

  /** Waits for the apply that is running. */
  close(): Promise<void> {
    return this.#parts.applier.close();
  }

  async #remember<Outputs extends PassOutputs>({
    compute,
    remember,
  }: PassWork<Outputs>): Promise<Remembered<Outputs>> {
    const { tunnels, tunnelCloser } = this.#parts;
    await tunnelCloser.check(SYSTEM_CLOCK.nowMs());
    const outputs = await compute(tunnels.memory);
    const unsaved = await remember(outputs);
    await tunnels.keep(outputs.tunnels);
    return { outputs, unsaved: [unsaved, tunnels.problem].filter((problem) => problem !== undefined) };
  }

  async #serve<Answer>(
    outputs: PassOutputs,
    apply: (envoy: EnvoyConfig) => Promise<Answer>,
  ): Promise<Answer> {
    const { limits, dns } = this.#parts;
    await limits.serve(outputs.egressListeners);
    const served = dns.serve(outputs.egressListeners, outputs);
    const [answer] = await Promise.all([apply(outputs.envoy), served]);
    return answer;
  }

  async #bringIntoForce<Outputs extends PassOutputs>({
    outputs,
    unsaved,
  }: Remembered<Outputs>): Promise<PassResult<Outputs>> {
    const { applier, tunnelCloser } = this.#parts;
    const result = await this.#serve(outputs, (envoy) => applier.apply(envoy));
    const isAnswered = result.status === 'applied' || result.status === 'heldBack';
    if (isAnswered) tunnelCloser.inForce(outputs.envoy.internalListeners, SYSTEM_CLOCK.nowMs());
    const heldBack = await heldBackSentences(result);
    const isWhole = isAnswered && heldBack.length + unsaved.length === 0;
    const retryAtMs = isWhole ? Number.POSITIVE_INFINITY : SYSTEM_CLOCK.nowMs() + RETRY_MS;
    const changesAtMs = outputs.changesAtMs ?? Number.POSITIVE_INFINITY;
    const runAgainAtMs = Math.min(changesAtMs, tunnelCloser.dueAtMs, retryAtMs);
    return { outputs, unsaved, result, isAnswered, heldBack, runAgainAtMs };
  }
}

async function hasEnvoyFiles(directory: string): Promise<boolean> {
  const files = ['lds/listeners.json', 'cds/clusters.json'];
  const texts = await Promise.all(files.map((file) => readIfExists(join(directory, file))));
  return !texts.includes(undefined);
}
