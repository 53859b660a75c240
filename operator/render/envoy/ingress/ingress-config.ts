// Input and output of rendering for the Envoy of an ingress gateway. Everything is data; it shares nothing with egress.
import type { AddressRange } from '../../../model/address-range.ts';
import type { Certificate } from '../../../model/certificate.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import type { NamedResource } from '../envoy-config.ts';

/** Whose X-Forwarded-For names the client: nobody's, that of so many proxies in front, or that of certain proxies. */
export type TrustedProxies =
  | { readonly kind: 'none' }
  | { readonly kind: 'hops'; readonly hops: number }
  | { readonly kind: 'ranges'; readonly ranges: readonly AddressRange[] };

/** Settings of one ingress gateway. */
export interface IngressSettings {
  /** Absolute; of this Envoy alone. */
  readonly directory: string;
  readonly address: string;
  /** Undefined: no plain HTTP. */
  readonly httpPort: number | undefined;
  /** Undefined: no TLS. */
  readonly tlsPort: number | undefined;
  readonly trustedProxies: TrustedProxies;
  /** Where there is one, only these may connect, and each must begin with a PROXY header. */
  readonly proxyProtocolFrom: readonly AddressRange[];
  readonly accountId: string;
}

/** A server that answers for a workspace. */
export interface ResolvedBackend {
  readonly address: string;
  readonly port: number;
}

/** Maps are by name of the plan. */
export interface IngressInput {
  readonly plans: readonly IngressPlan[];
  readonly backends: ReadonlyMap<string, readonly ResolvedBackend[]>;
  /** Without a usable one (certificateProblem()), TLS of the plan's hosts is closed. */
  readonly certificates: ReadonlyMap<string, Certificate>;
  /** How often access became narrower (compile/ingress/narrows-ingress.ts); 0 where absent. */
  readonly generations: ReadonlyMap<string, number>;
  readonly settings: IngressSettings;
}

export interface IngressResource extends NamedResource {
  /** Name of the plan that it is for; left out where it serves all. */
  readonly workspace?: string;
}

/** By kind, in the order in which they come into force. */
export interface IngressConfig {
  readonly cluster: readonly IngressResource[];
  readonly secret: readonly IngressResource[];
  readonly route: readonly IngressResource[];
  /** Host -> routes, for plain HTTP. */
  readonly scope: readonly IngressResource[];
  readonly listener: readonly IngressResource[];
}
