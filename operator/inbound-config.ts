// Options of the ways in, of `sallyport run` and `sallyport ingress` -> validated configuration: where an ingress gateway
// listens, whom it trusts, and /authorize.
import type { AddressRange } from './model/address-range.ts';
import { INGRESS_HTTP_PORT, INGRESS_HTTPS_PORT } from './model/system-names.ts';
import { OptionError, readCountIfGiven, readListenPort, readPort, readRange } from './option-values.ts';

/** How people access workspaces through an ingress gateway. */
export interface IngressListenConfig {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly trustedProxies:
    | { readonly kind: 'none' }
    | { readonly kind: 'hops'; readonly hops: number }
    | { readonly kind: 'ranges'; readonly ranges: readonly AddressRange[] };
  /** Empty: no PROXY headers. */
  readonly proxyProtocolFrom: readonly AddressRange[];
  /** Of each port; undefined: as many as descriptors and memory allow. */
  readonly maxConnections: number | undefined;
}

export interface AuthorizeConfig {
  readonly port: number;
  /** Proxies that may ask, and whose word about the client counts. */
  readonly trustedProxies: readonly AddressRange[];
}

export interface IngressListenOptions {
  readonly ingressHttpPort?: string;
  readonly ingressHttpsPort?: string;
  readonly trustedHops?: string;
  readonly trustedProxy?: readonly string[];
  readonly proxyProtocolFrom?: readonly string[];
  readonly maxConnections?: string;
}

export interface AuthorizeOptions {
  readonly authorizePort?: string;
  readonly authorizeTrustedProxy?: readonly string[];
}

/** Proxies on this machine. */
const LOCAL_PROXIES = ['127.0.0.0/8', '::1'];

/** Throws an OptionError for an option that cannot be accepted. */
export function readAuthorize({
  authorizePort,
  authorizeTrustedProxy = [],
}: AuthorizeOptions): AuthorizeConfig | undefined {
  if (authorizePort === undefined) {
    if (authorizeTrustedProxy.length === 0) return undefined;
    throw new OptionError('--authorize-trusted-proxy: it has an effect only with --authorize-port');
  }
  const ranges = authorizeTrustedProxy.length === 0 ? LOCAL_PROXIES : authorizeTrustedProxy;
  return {
    port: readPort('--authorize-port', authorizePort),
    trustedProxies: ranges.map((text) => readRange('--authorize-trusted-proxy', text)),
  };
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readIngressListen(options: IngressListenOptions): IngressListenConfig {
  const {
    ingressHttpPort = `${INGRESS_HTTP_PORT}`,
    ingressHttpsPort = `${INGRESS_HTTPS_PORT}`,
    proxyProtocolFrom = [],
  } = options;
  const httpPort = readListenPort('--ingress-http-port', ingressHttpPort);
  const httpsPort = readListenPort('--ingress-https-port', ingressHttpsPort);
  if (httpPort === httpsPort) {
    throw new OptionError(
      `--ingress-https-port: Cannot accept "${ingressHttpsPort}": --ingress-http-port has it; choose another`,
    );
  }
  return {
    httpPort,
    httpsPort,
    trustedProxies: readTrustedProxies(options),
    proxyProtocolFrom: proxyProtocolFrom.map((text) => readRange('--proxy-protocol-from', text)),
    maxConnections: readCountIfGiven('--max-connections', options.maxConnections),
  };
}

function readTrustedProxies({
  trustedHops,
  trustedProxy = [],
}: IngressListenOptions): IngressListenConfig['trustedProxies'] {
  if (trustedHops === undefined && trustedProxy.length === 0) return { kind: 'none' };
  if (trustedHops === undefined) {
    return { kind: 'ranges', ranges: trustedProxy.map((text) => readRange('--trusted-proxy', text)) };
  }
  if (trustedProxy.length > 0) {
    throw new OptionError('--trusted-hops: Cannot be combined with --trusted-proxy: use one of them');
  }
  if (/^[1-9]$/.test(trustedHops)) return { kind: 'hops', hops: Number(trustedHops) };
  throw new OptionError(
    `--trusted-hops: Cannot accept "${trustedHops}": write how many proxies are in front, from 1 to 9`,
  );
}
