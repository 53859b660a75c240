// One pass over a gateway: computes everything from everything and brings it into force, in the one order that is safe.
// Nothing else has the parts for it, and each step takes what the step before it answers:
//   1. tunnels that lost their right are closed; outputs are computed from those that are left
//   2. what the next start has to know is on disk before Envoy is given anything
//   3. limits are written before the listeners come that they are for; then Envoy and the DNS are given the outputs
//   4. once Envoy runs the tables, tunnels that they revoked are looked for a moment later
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

/** How soon that is tried again which is not in force. */
const RETRY_MS = 2000;

export type PassOutputs = CompiledObjects & GatewayOutputs;

/** What a role brings to a pass. */
export interface PassWork<Outputs extends PassOutputs> {
  /** `tunnels` are those that may be open. */
  readonly compute: (tunnels: TunnelMemory) => Promise<Outputs>;
  /**
   * Remembers for the next start what the role wants to know then. Answers why that could not be; nothing waits for
   * it, since that would hold back removals.
   */
  readonly remember: (outputs: Outputs) => Promise<string | undefined>;
}

interface Remembered<Outputs extends PassOutputs> {
  readonly outputs: Outputs;
  /** What could not be remembered, and why. */
  readonly unsaved: readonly string[];
}

export interface PassResult<Outputs extends PassOutputs> extends Remembered<Outputs> {
  readonly result: ApplyResult;
  /** Whether Envoy has said what it makes of them. */
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
   * For an Envoy that starts from the files of the last time: it gets its limits, its files where there are none, and
   * the DNS, which needs no Envoy. Remembers nothing, so that nothing is forgotten where nobody knows the tables yet.
   */
  async prepare({ compute }: Pick<PassWork<PassOutputs>, 'compute'>): Promise<void> {
    const { directory, applier, tunnels } = this.#parts;
    const hasFiles = await hasEnvoyFiles(directory);
    await this.#serve(await compute(tunnels.memory), async (envoy) => {
      if (!hasFiles) await applier.apply(envoy);
    });
  }

  /** Waits for what is under way. */
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
