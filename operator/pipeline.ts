// The main path on one screen: what was observed -> who may go where -> what the gateway must run.
// Pure: no I/O, no clock. Everything around it reads a snapshot or writes these outputs.
import { type CompiledWorld, compileWorld } from './compile/plans.ts';
import { nextExpiry } from './compile/table-index.ts';
import type { Snapshot } from './model/snapshot.ts';
import type { WorkspacePlan } from './model/workspace-plan.ts';
import type { Entrance, EnvoyConfig, GatewaySettings } from './render/envoy/envoy-config.ts';
import { renderEnvoy } from './render/envoy/render-envoy.ts';

/** What one gateway is, besides the world that it guards. */
export interface Gateway {
  readonly settings: GatewaySettings;
  /** Where each plan's workloads come in. */
  readonly entrancesOf: (plans: readonly WorkspacePlan[]) => readonly Entrance[];
}

export interface DesiredOutputs extends CompiledWorld {
  readonly entrances: readonly Entrance[];
  readonly envoy: EnvoyConfig;
  /** Epoch milliseconds at which an entry expires, so that the outputs change without an event. */
  readonly changesAtMs: number | undefined;
}

export function desiredOutputs(snapshot: Snapshot, gateway: Gateway, atMs: number): DesiredOutputs {
  const world = compileWorld(snapshot);
  const entrances = gateway.entrancesOf(world.plans);
  const envoy = renderEnvoy({ tables: world.tables, entrances, settings: gateway.settings, atMs });
  const expiries = world.tables.flatMap((table) => nextExpiry(table.spec, atMs) ?? []);
  return {
    ...world,
    entrances,
    envoy,
    changesAtMs: expiries.length === 0 ? undefined : Math.min(...expiries),
  };
}
