// Makes the parts of every gateway, in a cluster or not: Envoy and the applier of its files. Starts nothing;
// roles/run/process.ts and roles/gateway/process.ts do, in their order.
import { join } from 'node:path';
import type { ProxyConfig } from '../config.ts';
import * as atomicFiles from '../lib/atomic-file.ts';
import type { GatewaySettings } from '../render/envoy/envoy-config.ts';
import { ConfigApplier } from './config/config-applier.ts';
import { endTornLine } from './log/torn-line.ts';
import { portProblem } from './ports/port-probe.ts';
import { ConnectionLimits } from './process/connection-limits.ts';
import { type Descriptors, descriptorsOfProcess } from './process/descriptors.ts';
import type { RefusedAt } from './process/envoy-admin.ts';
import { envoyMemoryBytes } from './process/envoy-memory.ts';
import { EnvoyProcess, type EnvoyProcessOptions } from './process/envoy-process.ts';
import { envoyBinary } from './process/find-envoy.ts';
import { OverloadWatch } from './process/overload-watch.ts';
import { OverloadedListeners } from './process/overloaded-listeners.ts';
import { ownPlaces } from './process/own-places.ts';
import {
  prepareStateDirectory,
  type StateDirectoryOptions,
  type StatePaths,
} from './state/state-directory.ts';
import { TunnelCloser } from './tunnels/tunnel-closer.ts';
import { TunnelFile } from './tunnels/tunnel-file.ts';

/** Parts with a lifetime, in the order of their start; they stop in reverse. */
export interface GatewayParts {
  readonly paths: StatePaths;
  readonly envoy: EnvoyProcess;
  readonly applier: ConfigApplier;
  readonly settings: GatewaySettings;
  readonly tunnels: TunnelFile;
  readonly tunnelCloser: TunnelCloser;
  readonly refused: OverloadedListeners;
  readonly overload: OverloadWatch;
  readonly limits: ConnectionLimits;
  /** The last step of stopping: another process may have the state directory. */
  readonly release: () => Promise<void>;
}

export interface GatewayHooks {
  readonly onEnvoyExit: NonNullable<EnvoyProcessOptions['onExit']>;
  readonly onEnvoyRestart: NonNullable<EnvoyProcessOptions['onRestart']>;
  readonly onLogFailure: (error: Error) => void;
  /** Connections that were closed at once since the last report. */
  readonly onRefusedConnections: (refused: RefusedAt) => void;
  /** What Envoy does about its memory, in a sentence. */
  readonly onOverload: (sentence: string) => void;
  readonly onAdminFailure: (error: Error) => void;
}

/** Envoy exits at once on SIGTERM, unless it hangs. */
const ENVOY_STOP_MS = 2000;

/** Where a gateway is on this machine. */
export interface GatewayPlace {
  readonly paths: StatePaths;
  readonly binary: string;
  readonly tunnels: TunnelFile;
  readonly descriptors: Descriptors;
  /** Changes that made the directory private, a sentence for each. */
  readonly notes: readonly string[];
  readonly release: () => Promise<void>;
}

/** Throws where the address, the state directory or Envoy is not available. */
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
      // The new Envoy may accept what the dead one had rejected, for example for a taken port.
      applier.envoyRestarted();
      hooks.onEnvoyRestart(result);
    },
  });
  const applier = new ConfigApplier({ directory: paths.envoy, admin: envoy.admin, files: atomicFiles });
  const listenersInUse = () => envoy.admin.listenersInUse();
  const tunnelCloser = new TunnelCloser({ file: tunnels, listenersInUse });
  const refused = new OverloadedListeners({
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
  return { paths, envoy, applier, settings, tunnels, tunnelCloser, refused, overload, limits, release };
}

function settingsOf(config: ProxyConfig, { paths, descriptors }: GatewayPlace): GatewaySettings {
  return {
    directory: paths.envoy,
    resolvers: config.resolvers,
    openRanges: config.openRanges,
    denyRanges: config.denyRanges,
    ...ownPlaces(config),
    maxConnectionsPerListener: config.maxConnections,
    maxConnections: descriptors.connections,
    envoyMemoryBytes: envoyMemoryBytes(config.envoyMemoryMb),
  };
}
