// Whose address a request comes from: the peer's, or behind trusted proxies what they wrote into X-Forwarded-For.
// Whatever a client says about itself is dropped, and servers get the one address that was decided on.
import { type AddressRange, rangesCover } from '../../../model/address-range.ts';
import { UNREADABLE_CLIENT } from '../../../model/inbound-line.ts';
import { extension, type Json } from '../envoy-config.ts';
import type { IngressSettings, TrustedProxies } from './ingress-config.ts';

/** How one kind of peer is treated: the peers of a filter chain, and the settings of its HTTP connection manager. */
export interface PeerTreatment {
  readonly name: 'direct' | 'behind-proxies' | 'nameless';
  /** Of the filter chain. */
  readonly match: Json;
  readonly manager: Json;
}

const OWN_HEADER = 'x-sallyport-';
const UNREADABLE_HEADER = 'x-sallyport-unreadable';
const ENVOY_HEADER = 'x-envoy-';
/** What proxies call the client, and what else servers might take for it. */
const CLIENT_HEADERS = [
  'forwarded',
  'x-original-forwarded-for',
  'x-forwarded',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-server',
];
const CLIENT_PATTERNS = [
  // Many servers make "_" of every other character, so that X.Real_IP is X-Real-IP. Not of pseudo headers.
  '[^:]*[^:a-z0-9-].*',
  // X-Real-IP, True-Client-IP, CF-Connecting-IPv6, X-Azure-ClientIP ...
  '(?:.*-)?(?:client|remote|socket|source|user)?ip(?:v[46])?',
  '(?:.*-)?(?:client|remote|source|real)-?addr(?:ess)?',
];
const UNREADABLE: Json = { append: overwritten(UNREADABLE_HEADER, UNREADABLE_CLIENT) };
const REMOVALS: readonly Json[] = [
  ...[
    ...[ENVOY_HEADER, OWN_HEADER].map((prefix) => ({ prefix })),
    ...CLIENT_PATTERNS.map((regex) => ({ safe_regex: { regex } })),
  ].map((key_matcher) => ({ remove_on_match: { key_matcher } })),
  ...CLIENT_HEADERS.map((remove) => ({ remove })),
];
const ADDRESS = '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%';

/** Of a virtual host: written after everything that a client's headers can influence. */
export const ADDRESS_HEADERS: Json = {
  request_headers_to_add: [
    overwritten('x-forwarded-for', ADDRESS),
    overwritten('x-real-ip', ADDRESS),
    overwritten('x-forwarded-host', '%REQ(:AUTHORITY)%'),
  ],
  request_headers_to_remove: [UNREADABLE_HEADER, 'x-envoy-external-address', 'x-envoy-internal'],
};

export function peerTreatments(
  { trustedProxies, proxyProtocolFrom }: Pick<IngressSettings, 'trustedProxies' | 'proxyProtocolFrom'>,
  proto: 'http' | 'https',
): readonly PeerTreatment[] {
  const nameless = namelessPeers(trustedProxies, proxyProtocolFrom);
  return [
    ...treatmentsOf(trustedProxies, proto),
    ...(nameless.length === 0 ? [] : [treatNameless(nameless, proto)]),
  ];
}

function treatmentsOf(trusted: TrustedProxies, proto: 'http' | 'https'): readonly PeerTreatment[] {
  switch (trusted.kind) {
    case 'none':
      return [direct(proto)];
    case 'hops':
      return [behindProxies({}, { xff_num_trusted_hops: trusted.hops - 1 })];
    case 'ranges': {
      const cidrs = prefixes(trusted.ranges);
      return [
        direct(proto),
        behindProxies({ source_prefix_ranges: cidrs }, { xff_trusted_cidrs: { cidrs } }),
      ];
    }
  }
}

/** A PROXY header may name nobody (UNKNOWN, LOCAL): Envoy then takes the address of whoever wrote it. */
function namelessPeers(
  trusted: TrustedProxies,
  proxyProtocolFrom: readonly AddressRange[],
): readonly AddressRange[] {
  switch (trusted.kind) {
    case 'none':
      return proxyProtocolFrom;
    case 'hops':
      return [];
    case 'ranges':
      return proxyProtocolFrom.filter((range) => !rangesCover(trusted.ranges, [range]));
  }
}

export function prefixes(ranges: readonly AddressRange[]): readonly Json[] {
  return ranges.map(({ address, prefixLength }) => ({ address_prefix: address, prefix_len: prefixLength }));
}

/** X-Forwarded-For has no effect. */
function direct(proto: 'http' | 'https'): PeerTreatment {
  return {
    name: 'direct',
    match: {},
    manager: {
      use_remote_address: true,
      skip_xff_append: true,
      early_header_mutation_extensions: [mutations(ownWords(proto))],
    },
  };
}

/**
 * Envoy takes the peer's address where X-Forwarded-For has none that it can read, or is missing; here the client then
 * has an address that is denied while lists apply. A proxy that names nobody must not let everybody in.
 */
function behindProxies(match: Json, xff: Json): PeerTreatment {
  return {
    name: 'behind-proxies',
    match,
    manager: {
      ...detectedBy(
        extension(
          'envoy.http.original_ip_detection.xff',
          'envoy.extensions.http.original_ip_detection.xff.v3.XffConfig',
          xff,
        ),
      ),
      early_header_mutation_extensions: [mutations([...REMOVALS, UNREADABLE])],
    },
  };
}

function treatNameless(peers: readonly AddressRange[], proto: 'http' | 'https'): PeerTreatment {
  return {
    name: 'nameless',
    match: { source_prefix_ranges: prefixes(peers) },
    manager: {
      ...detectedBy(),
      early_header_mutation_extensions: [mutations([...ownWords(proto), UNREADABLE])],
    },
  };
}

/** By the first that finds an address; at last nobody's. */
function detectedBy(...detections: readonly Json[]): Json {
  return {
    use_remote_address: false,
    skip_xff_append: true,
    original_ip_detection_extensions: [
      ...detections,
      extension(
        'envoy.http.original_ip_detection.custom_header',
        'envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig',
        { header_name: UNREADABLE_HEADER },
      ),
    ],
  };
}

function ownWords(proto: 'http' | 'https'): readonly Json[] {
  return [...REMOVALS, { remove: 'x-forwarded-for' }, { append: overwritten('x-forwarded-proto', proto) }];
}

function mutations(list: readonly Json[]): Json {
  return extension(
    'envoy.http.early_header_mutation.header_mutation',
    'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
    { mutations: list },
  );
}

export function overwritten(key: string, value: string): Json {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}
