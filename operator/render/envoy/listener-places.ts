// An egress listener -> its listeners: what each is called, and the ports that it listens on.
import { HTTP_OFFSET, HTTPS_PORT, TLS_OFFSET } from '../../model/lane-port.ts';
import type { EgressListener } from './envoy-config.ts';

export interface ListenerPlace {
  readonly name: string;
  readonly ports: readonly [number, ...number[]];
}

export interface TlsPlace extends ListenerPlace {
  /** Port of the servers that clients connect to. */
  readonly serverPort: number;
}

/** The second port is for plain HTTP of clients that do not use the proxy. */
export function proxyPlace({ name, port }: EgressListener): ListenerPlace {
  return { name: `proxy-${name}`, ports: [port, port + HTTP_OFFSET] };
}

export function tlsPlaces({ name, port, tlsPorts }: EgressListener): readonly TlsPlace[] {
  return [{ port: HTTPS_PORT, offset: TLS_OFFSET }, ...tlsPorts].map((tls) => ({
    // Always with its port: "8443-team" is a workspace too.
    name: `tls-${tls.port}-${name}`,
    ports: [port + tls.offset],
    serverPort: tls.port,
  }));
}

export function listenerPlaces(egressListener: EgressListener): readonly ListenerPlace[] {
  return [proxyPlace(egressListener), ...tlsPlaces(egressListener)];
}
