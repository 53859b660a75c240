// Makes the parts of an ingress gateway, in a cluster or not: its Envoy, the pass that brings plans into force, what is
// read from that Envoy. Starts nothing.
import type { ProxyConfig } from '../../config.ts';
import type { IngressListenConfig } from '../../inbound-config.ts';
import { portShare } from '../../render/envoy/ingress/ingress-bootstrap.ts';
import type { IngressSettings } from '../../render/envoy/ingress/ingress-config.ts';
import type { GatewayHooks, GatewayPlace } from '../gateway-parts.ts';
import { IngressEnvoy, type IngressEnvoyOptions } from './ingress-envoy.ts';
import { IngressPass } from './ingress-pass.ts';
import { type IngressPolls, type IngressPollsHooks, ingressPolls } from './ingress-polls.ts';

export interface IngressConfig extends Pick<ProxyConfig, 'listenAddress' | 'concurrency' | 'accountId'> {
  readonly ingress: IngressListenConfig;
}

export interface IngressHooks
  extends GatewayHooks,
    IngressPollsHooks,
    Pick<IngressEnvoyOptions, 'onStart' | 'onStop'> {
  /** A new one runs after the death of the last. */
  readonly onNewEnvoy: () => void;
}

export interface IngressParts extends IngressPolls {
  readonly settings: IngressSettings;
  readonly envoy: IngressEnvoy;
  readonly pass: IngressPass;
}

export function ingressParts(
  config: IngressConfig,
  { paths, descriptors, binary }: GatewayPlace,
  hooks: IngressHooks,
  envoyMemoryBytes: number,
): IngressParts {
  const settings = settingsOf(config, paths.ingressEnvoy);
  const limits = { maxConnections: descriptors.connections, envoyMemoryBytes };
  const envoy = new IngressEnvoy({
    settings: {
      ...{ directory: settings.directory, ...limits },
      maxConnectionsPerListener: config.ingress.maxConnections ?? portShare(limits),
    },
    binary,
    concurrency: config.concurrency,
    onExit: hooks.onEnvoyExit,
    onRestart: (restart) => {
      hooks.onEnvoyRestart(restart);
      hooks.onNewEnvoy();
    },
    onStart: hooks.onStart,
    onStop: hooks.onStop,
  });
  return {
    settings,
    envoy,
    pass: new IngressPass({
      ...{ envoy, settings, generationFile: paths.generations },
      onDamaged: (sentence) => hooks.onTrouble('a file of the state directory was damaged', sentence),
    }),
    ...ingressPolls(envoy, hooks, envoyMemoryBytes),
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
