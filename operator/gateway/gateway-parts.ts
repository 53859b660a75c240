// Makes the parts of every gateway, in a cluster or not: Envoy, the pass that brings outputs into force, the DNS.
// Starts nothing; roles/run/process.ts and roles/gateway/process.ts do, in their order.
import { join } from 'node:path';
import type { ProxyConfig } from '../config.ts';
import * as atomicFiles from '../lib/atomic-file.ts';
import { CountsWriter } from '../lib/counts-writer.ts';
import { SYSTEM_CLOCK } from '../lib/loop.ts';
import type { EntryUsesFile } from '../model/entry-uses.ts';
import { xdsSocketPath } from '../render/envoy/ads.ts';
import { renderBootstrap } from '../render/envoy/bootstrap.ts';
import type { GatewaySettings } from '../render/envoy/envoy-config.ts';
import type { NameServer } from './dns/ask-name-server.ts';
import type { ClusterNames } from './dns/cluster-names.ts';
import { GatewayDns } from './dns/gateway-dns.ts';
import { EGRESS_RULES, placeKeys } from './egress/egress-resources.ts';
import { EntryUses } from './egress/entry-uses.ts';
import { readEntryUses } from './egress/entry-uses-file.ts';
import { TakenPorts } from './egress/taken-ports.ts';
import { GatewayPass } from './gateway-pass.ts';
import { portProblem } from './ports/port-probe.ts';
import { ConnectionLimits } from './process/connection-limits.ts';
import { type Descriptors, descriptorNotes, descriptorsOfProcess } from './process/descriptors.ts';
import { envoyMemoryBytes } from './process/envoy-memory.ts';
import { EnvoyPolls } from './process/envoy-polls.ts';
import type { EnvoyProcessOptions } from './process/envoy-process.ts';
import { envoyBinary } from './process/find-envoy.ts';
import { OverloadWatch } from './process/overload-watch.ts';
import { DENIED_CONNECTIONS, deniedSentence, OverloadedListeners } from './process/overloaded-listeners.ts';
import { ownPlaces } from './process/own-places.ts';
import {
  prepareStateDirectory,
  type StateDirectoryOptions,
  type StatePaths,
} from './state/state-directory.ts';
import { TunnelCloser } from './tunnels/tunnel-closer.ts';
import { TunnelFile } from './tunnels/tunnel-file.ts';
import { EGRESS_ORDER } from './xds/delivery-order.ts';
import { XdsEnvoy, type XdsEnvoyOptions } from './xds/xds-envoy.ts';

/** Parts with a lifetime, in the order of their start; they stop in reverse. */
export interface GatewayParts {
  readonly paths: StatePaths;
  readonly envoy: XdsEnvoy;
  readonly settings: GatewaySettings;
  readonly dns: Omit<GatewayDns, 'serve' | 'recordDenied'>;
  /** The only way by which Envoy and the DNS are given anything. */
  readonly pass: GatewayPass;
  readonly polls: EnvoyPolls;
  readonly overloaded: OverloadedListeners;
  readonly overload: OverloadWatch;
  /** How often allowed destinations are used, and what stores that. */
  readonly uses: EntryUses;
  readonly usesWriter: CountsWriter;
  /** The last step of stopping: another process may have the state directory. */
  readonly release: () => Promise<void>;
}

export interface GatewayHooks {
  /** The first start, or an adoption. */
  readonly onEnvoyStart: XdsEnvoyOptions['onStart'];
  readonly onEnvoyExit: NonNullable<EnvoyProcessOptions['onExit']>;
  readonly onEnvoyRestart: NonNullable<EnvoyProcessOptions['onRestart']>;
  /** What failed, in a few words; it is tried again. */
  readonly onFailure: (what: string, error: Error) => void;
  /** What is wrong with the gateway, in a few words, and a sentence about it. */
  readonly onTrouble: (what: string, sentence: string) => void;
}

/** Whom the DNS asks for names of the cluster. */
export interface GatewayNames {
  readonly clusterNames: ClusterNames;
  /** Name servers of the cluster; empty: those of the machine. */
  readonly clusterDns: readonly NameServer[];
}

const SLOW_POLL_MS = 2000;
/** A port that is suddenly busy soon gets more. */
const BUSY_POLL_MS = 250;
/** Envoy forgets a host that nobody has used for 30 s. */
const USES_POLL_MS = 10_000;
const STORE_USES_MS = 10_000;

/** Where a gateway is on this machine. */
export interface GatewayPlace {
  readonly paths: StatePaths;
  /** Of Envoy; undefined where another container runs it. */
  readonly binary: string | undefined;
  readonly tunnels: TunnelFile;
  readonly descriptors: Descriptors;
  /** Of the last time. */
  readonly entryUses: EntryUsesFile | undefined;
  /** Changes that made the directory private, and what the machine has too little of, a sentence for each. */
  readonly notes: readonly string[];
  readonly release: () => Promise<void>;
}

/** Throws where the address, the state directory or Envoy is not available. */
export async function prepareGateway(
  config: Pick<ProxyConfig, 'listenAddress' | 'stateDirectory' | 'path' | 'isEnvoyExternal'>,
  options: StateDirectoryOptions = {},
): Promise<GatewayPlace> {
  const addressProblem = await portProblem(config.listenAddress, 0);
  if (addressProblem !== undefined) throw new Error(addressProblem);
  const { paths, notes, release } = await prepareStateDirectory(config.stateDirectory, options);
  const tunnels = await TunnelFile.open(paths.tunnels);
  const descriptors = await descriptorsOfProcess();
  return {
    paths,
    tunnels,
    descriptors,
    entryUses: await readEntryUses(paths.entryUses),
    notes: [...notes, ...descriptorNotes(descriptors)],
    release,
    binary: config.isEnvoyExternal ? undefined : await envoyBinary(config.path),
  };
}

export function gatewayParts(
  config: ProxyConfig,
  place: GatewayPlace,
  hooks: GatewayHooks,
  names: GatewayNames,
): GatewayParts {
  const { paths, tunnels, release } = place;
  const { onFailure, onTrouble } = hooks;
  const settings = settingsOf(config, place);
  const envoy = egressEnvoy(config, place, settings, hooks);
  const { admin } = envoy;
  const onAdminFailure = (error: Error): void => onFailure('Envoy could not be asked or configured', error);
  const dns = new GatewayDns({
    ...names,
    config,
    folder: paths.envoyLog,
    onLogFailure: (error) => onFailure('the log of the DNS could not be written', error),
    onProblem: (sentence) => onTrouble('the DNS cannot do all that it should', sentence),
  });
  const overloaded = new OverloadedListeners({
    counted: () => admin.deniedConnections(),
    isAdopted: () => envoy.startedAs === 'adopted',
    path: join(paths.envoy, DENIED_CONNECTIONS),
    onDenied: (connections) => {
      dns.recordDenied(connections);
      onTrouble('connections were closed at once', deniedSentence(connections));
    },
  });
  const overload = new OverloadWatch({
    overload: () => admin.overload(),
    memoryBytes: settings.envoyMemoryBytes,
    onAction: (sentence) => onTrouble('the memory of Envoy is nearly used up, or no longer', sentence),
  });
  const active = () => admin.activeConnections();
  const limits = new ConnectionLimits({ settings, active, onFailure: onAdminFailure });
  const tunnelCloser = new TunnelCloser({ file: tunnels, listenersInUse: () => admin.listenersInUse() });
  const uses = new EntryUses({
    hosts: () => admin.forwardedHosts(),
    isAdopted: () => envoy.startedAs === 'adopted',
    nowMs: () => SYSTEM_CLOCK.nowMs(),
    known: place.entryUses,
  });
  return {
    ...{ paths, envoy, settings, dns, overloaded, overload, uses, release },
    usesWriter: usesWriter(paths, uses, onFailure),
    pass: new GatewayPass({ envoy, limits, dns, tunnels, tunnelCloser, uses }),
    polls: new EnvoyPolls(
      [
        { check: () => overloaded.check(), pauseMs: SLOW_POLL_MS, isAskedLast: true },
        { check: () => overload.check(), pauseMs: SLOW_POLL_MS },
        { check: () => limits.check(), pauseMs: BUSY_POLL_MS },
        { check: () => uses.check(), pauseMs: USES_POLL_MS, isAskedLast: true },
      ],
      onAdminFailure,
    ),
  };
}

function usesWriter(
  paths: StatePaths,
  counter: EntryUses,
  onFailure: GatewayHooks['onFailure'],
): CountsWriter {
  return new CountsWriter({
    ...{ path: paths.entryUses, files: atomicFiles, counter, everyMs: STORE_USES_MS },
    onFailure: (error) => onFailure('the counts of used destinations could not be stored', error),
  });
}

function egressEnvoy(
  { concurrency }: ProxyConfig,
  { paths, binary }: GatewayPlace,
  settings: GatewaySettings,
  hooks: GatewayHooks,
): XdsEnvoy {
  const takenPorts = new TakenPorts();
  return new XdsEnvoy({
    directory: paths.envoy,
    binary,
    bootstrap: renderBootstrap(settings),
    concurrency,
    delivery: {
      socketPath: xdsSocketPath(settings),
      order: EGRESS_ORDER,
      rules: EGRESS_RULES,
      placesOf: placeKeys,
      readyAgain: (heldBack) => takenPorts.freed(heldBack),
    },
    onStart: hooks.onEnvoyStart,
    onExit: hooks.onEnvoyExit,
    onRestart: hooks.onEnvoyRestart,
    onDamaged: (sentence) => hooks.onTrouble('a file of the state directory was damaged', sentence),
  });
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
