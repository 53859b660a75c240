// Makes the parts of an ingress gateway, in a cluster or not: its Envoy, the pass that brings plans into force, what is
// read from that Envoy. Starts nothing.
import type { ProxyConfig } from '../../config.ts';
import type { IngressListenConfig } from '../../inbound-config.ts';
import { xdsSocketPath } from '../../render/envoy/ads.ts';
import { portShare, renderIngressBootstrap } from '../../render/envoy/ingress/ingress-bootstrap.ts';
import type { IngressSettings } from '../../render/envoy/ingress/ingress-config.ts';
import type { GatewayHooks, GatewayPlace } from '../gateway-parts.ts';
import { INGRESS_ORDER } from '../xds/delivery-order.ts';
import { XdsEnvoy, type XdsEnvoyOptions } from '../xds/xds-envoy.ts';
import { IngressPass } from './ingress-pass.ts';
import { type IngressPolls, type IngressPollsHooks, ingressPolls } from './ingress-polls.ts';

/** A port that is free again is soon taken. */
const RETRY_MS = 5000;

export interface IngressConfig extends Pick<ProxyConfig, 'listenAddress' | 'concurrency' | 'accountId'> {
  readonly ingress: IngressListenConfig;
}

export interface IngressHooks extends GatewayHooks, IngressPollsHooks, Pick<XdsEnvoyOptions, 'onStop'> {}

export interface IngressParts extends IngressPolls {
  readonly settings: IngressSettings;
  readonly envoy: XdsEnvoy;
  readonly pass: IngressPass;
}

export function ingressParts(
  config: IngressConfig,
  { paths, descriptors, binary }: GatewayPlace,
  hooks: IngressHooks,
  envoyMemoryBytes: number,
): IngressParts {
  const settings = settingsOf(config, paths.ingressEnvoy);
  const { directory } = settings;
  const onDamaged = (sentence: string): void =>
    hooks.onTrouble('a file of the state directory was damaged', sentence);
  const limits = { maxConnections: descriptors.connections, envoyMemoryBytes };
  const maxConnectionsPerListener = config.ingress.maxConnections ?? portShare(limits);
  const envoy = new XdsEnvoy({
    directory,
    bootstrap: renderIngressBootstrap({ directory, ...limits, maxConnectionsPerListener }),
    delivery: { socketPath: xdsSocketPath(settings), order: INGRESS_ORDER, retryMs: RETRY_MS },
    binary,
    concurrency: config.concurrency,
    onExit: hooks.onEnvoyExit,
    onRestart: hooks.onEnvoyRestart,
    onStart: hooks.onEnvoyStart,
    onDamaged,
    ...(hooks.onStop === undefined ? {} : { onStop: hooks.onStop }),
  });
  return {
    settings,
    envoy,
    pass: new IngressPass({ envoy, settings, generationFile: paths.generations, onDamaged }),
    ...ingressPolls(envoy, directory, hooks, envoyMemoryBytes),
  };
}

function settingsOf(
  { listenAddress, ingress, accountId }: IngressConfig,
  directory: string,
): IngressSettings {
  const { httpPort, httpsPort, trustedProxies, proxyProtocolFrom } = ingress;
  return {
    directory,
    address: listenAddress,
    httpPort,
    tlsPort: httpsPort,
    trustedProxies,
    proxyProtocolFrom,
    accountId,
  };
}
