// Makes what every gateway has, in a cluster or not: Envoy, the applier of its files. Nothing is
// started here; run.ts and gateway.ts say in which order things start and stop.
import { join } from 'node:path';
import type { ProxyConfig } from '../config.ts';
import * as atomicFiles from '../deliver/atomic-file.ts';
import { ConfigApplier } from '../gateway/config/config-applier.ts';
import { endTornLine } from '../gateway/log/torn-line.ts';
import { portProblem } from '../gateway/ports/port-probe.ts';
import { type Descriptors, descriptorsOfProcess } from '../gateway/process/descriptors.ts';
import type { RefusedAt } from '../gateway/process/envoy-admin.ts';
import { envoyMemoryBytes } from '../gateway/process/envoy-memory.ts';
import { EnvoyProcess, type EnvoyProcessOptions } from '../gateway/process/envoy-process.ts';
import { envoyBinary } from '../gateway/process/find-envoy.ts';
import { OverloadWatch } from '../gateway/process/overload-watch.ts';
import { RefusedConnections } from '../gateway/process/refused-connections.ts';
import type { GatewaySettings } from '../render/envoy/envoy-config.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { ownPlaces } from './own-places.ts';
import { prepareStateDirectory, type StateDirectoryOptions, type StatePaths } from './state-directory.ts';
import { TunnelCuts } from './tunnel-cuts.ts';
import { TunnelFile } from './tunnel-file.ts';

/** Everything that has a lifetime, in the order in which it is started; stopping goes backwards. */
export interface GatewayParts {
  readonly paths: StatePaths;
  readonly envoy: EnvoyProcess;
  readonly applier: ConfigApplier;
  readonly settings: GatewaySettings;
  readonly tunnels: TunnelFile;
  readonly cuts: TunnelCuts;
  readonly refused: RefusedConnections;
  readonly overload: OverloadWatch;
  readonly limits: ConnectionLimits;
  /** The last step of stopping: another process may have the state directory. */
  readonly release: () => Promise<void>;
}

export interface GatewayHooks {
  readonly onEnvoyExit: NonNullable<EnvoyProcessOptions['onExit']>;
  readonly onEnvoyRestart: NonNullable<EnvoyProcessOptions['onRestart']>;
  readonly onLogFailure: (error: Error) => void;
  /** Connections that were closed at once since the last word. */
  readonly onRefusedConnections: (refused: RefusedAt) => void;
  /** What Envoy does about its memory, in a sentence. */
  readonly onOverload: (sentence: string) => void;
  readonly onAdminFailure: (error: Error) => void;
}

/** Envoy ends at once when it is told to, unless it hangs. */
const ENVOY_STOP_MS = 2000;

/** Where a gateway is on this machine. */
export interface GatewayPlace {
  readonly paths: StatePaths;
  readonly binary: string;
  readonly tunnels: TunnelFile;
  readonly descriptors: Descriptors;
  /** What was changed to make it a safe place. */
  readonly notes: readonly string[];
  readonly release: () => Promise<void>;
}

/** Throws where the address, the state directory or Envoy cannot be had. */
export async function prepareGateway(
  config: ProxyConfig,
  options: StateDirectoryOptions = {},
): Promise<GatewayPlace> {
  const addressProblem = await portProblem(config.listenAddress, 0);
  if (addressProblem !== undefined) throw new Error(addressProblem);
  const { paths, notes, release } = await prepareStateDirectory(config.stateDirectory, options);
  const tunnels = await TunnelFile.open(paths.tunnels);
  const descriptors = await descriptorsOfProcess();
  return { paths, tunnels, descriptors, notes, release, binary: await envoyBinary(config.path) };
}

export function gatewayParts(config: ProxyConfig, place: GatewayPlace, hooks: GatewayHooks): GatewayParts {
  const { paths, binary, tunnels, release } = place;
  const envoy = new EnvoyProcess({
    directory: paths.envoy,
    binary,
    files: atomicFiles,
    ...(config.concurrency === undefined ? {} : { concurrency: config.concurrency }),
    stopTimeoutMs: ENVOY_STOP_MS,
    // A torn last line of a killed Envoy must not swallow the first line of the next one.
    beforeStart: () => endTornLine(join(paths.envoyLog, 'access.log')),
    onExit: hooks.onEnvoyExit,
    onRestart: (result) => {
      // What the dead Envoy had refused, for a taken port for example, the new one may take.
      applier.envoyRestarted();
      hooks.onEnvoyRestart(result);
    },
  });
  const applier = new ConfigApplier({ directory: paths.envoy, admin: envoy.admin, files: atomicFiles });
  const listenersInUse = () => envoy.admin.listenersInUse();
  const cuts = new TunnelCuts({ file: tunnels, listenersInUse });
  const refused = new RefusedConnections({
    counted: () => envoy.admin.refusedConnections(),
    onRefused: hooks.onRefusedConnections,
    onFailure: hooks.onAdminFailure,
  });
  const settings = settingsOf(config, place);
  const overload = new OverloadWatch({
    overload: () => envoy.admin.overload(),
    memoryBytes: settings.envoyMemoryBytes,
    onAction: hooks.onOverload,
    onFailure: hooks.onAdminFailure,
  });
  const active = () => envoy.admin.activeConnections();
  const limits = new ConnectionLimits({ settings, active, onFailure: hooks.onAdminFailure });
  return { paths, envoy, applier, settings, tunnels, cuts, refused, overload, limits, release };
}

function settingsOf(config: ProxyConfig, { paths, descriptors }: GatewayPlace): GatewaySettings {
  return {
    directory: paths.envoy,
    resolvers: config.resolvers,
    openRanges: config.openRanges,
    denyRanges: config.denyRanges,
    ...ownPlaces(config),
    maxConnectionsPerEntrance: config.maxConnections,
    maxConnections: descriptors.connections,
    envoyMemoryBytes: envoyMemoryBytes(config.envoyMemoryMb),
  };
}
