// The listeners of an ingress gateway: plain HTTP, where the host chooses the workspace, and TLS, where the server name
// does. Another workspace changes the TLS listener by a filter chain of its own; the connections of others stay.
import { memoize } from '../../../lib/memo.ts';
import type { AddressRange } from '../../../model/address-range.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { BUFFER_BYTES, MAX_CLIENT_HELLO_BYTES } from '../../../model/limits.ts';
import { SPOKE_KEY } from '../access-log.ts';
import { ADS_SOURCE } from '../ads.ts';
import { extension, type Json, typed } from '../envoy-config.ts';
import { AFTER_FIRST_BYTES, markAs } from '../tls-inspection.ts';
import { peerTreatments, prefixes } from './client-address.ts';
import { proxyToBackends } from './ingress-clusters.ts';
import type { IngressInput, IngressResource, IngressSettings } from './ingress-config.ts';
import { ENFORCED_PREFIX, HEARD_KEY, ingressLog } from './ingress-log.ts';
import { ingressManager } from './ingress-manager.ts';
import { certificateName, HTTP_LISTENER, routesName, TLS_LISTENER } from './ingress-names.ts';
import { type ListRules, renderListRules } from './list-rules.ts';

const FIRST_BYTES_TIMEOUT = '5s';
const HANDSHAKE_TIMEOUT = '10s';

export const httpListener = memoize((settings: IngressSettings, port: number): IngressResource => {
  const filter_chains = peerTreatments(settings, 'http').map((treatment) => {
    const manager = ingressManager({
      directory: settings.directory,
      treatment,
      routes: BY_HOST,
      // h2 without TLS is for nobody that we know, and one way in less.
      codec: { codec_type: 'HTTP1' },
      unknownHostStatus: 404,
      filters: [HOST_IN_LOWER_CASE],
    });
    return filterChain(`http-${treatment.name}`, treatment.match, settings, manager);
  });
  return listener(HTTP_LISTENER, port, settings, {
    listener_filters: [...proxyHeaders(settings), ...AWAIT_REQUEST],
    filter_chains,
    access_log: [ingressLog(settings.directory, 'no chain')],
  });
});

/** Undefined where no plan has TLS: then nobody listens. The very same answer until it changes. */
export function tlsListener(input: IngressInput, port: number): IngressResource | undefined {
  return renderTlsListener(input.settings, input, port);
}

const renderTlsListener = memoize(listenerForTls, (_, input, port) => [
  port,
  ...input.plans.map((plan) => tlsContentOf(plan, input)),
]);

/** What the filter chains of a plan depend on. */
function tlsContentOf({ metadata: { name }, spec }: IngressPlan, input: IngressInput): string {
  const { hosts = [], tlsPassthrough, revision } = spec;
  const rules = tlsPassthrough
    ? [revision, input.generations.get(name) ?? 0]
    : [input.certificates.has(name)];
  return JSON.stringify([name, hosts, ...rules]);
}

function listenerForTls(_: IngressSettings, input: IngressInput, port: number): IngressResource | undefined {
  const filter_chains = input.plans.flatMap((plan) => tlsChains(plan, input));
  if (filter_chains.length === 0) return undefined;
  const listener_filters = [
    ...proxyHeaders(input.settings),
    extension(
      'envoy.filters.listener.tls_inspector',
      'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
      { max_client_hello_size: MAX_CLIENT_HELLO_BYTES },
    ),
  ];
  const access_log = (['passthrough', 'unknown name', 'no name'] as const).map((kind) =>
    ingressLog(input.settings.directory, kind),
  );
  return listener(TLS_LISTENER, port, input.settings, { listener_filters, filter_chains, access_log });
}

/** None where the certificate is missing: TLS is closed for these hosts only. */
function tlsChains(
  plan: IngressPlan,
  { certificates, generations, settings }: IngressInput,
): readonly Json[] {
  const { name } = plan.metadata;
  if (plan.spec.tlsPassthrough) return [passthroughChain(plan, generations.get(name) ?? 0, settings)];
  return certificates.has(name) ? terminatingChains(plan, settings) : [];
}

function terminatingChains(plan: IngressPlan, settings: IngressSettings): readonly Json[] {
  const { name } = plan.metadata;
  return peerTreatments(settings, 'https').map((treatment) => {
    const manager = ingressManager({
      directory: settings.directory,
      treatment,
      routes: { rds: { route_config_name: routesName(name), config_source: ADS_SOURCE } },
      codec: { codec_type: 'AUTO', http2_protocol_options: HTTP2 },
      unknownHostStatus: 421,
    });
    const match = { ...serverNames(plan), ...treatment.match };
    const chain = filterChain(`${name}-${treatment.name}`, match, settings, manager);
    return {
      ...chain,
      transport_socket: terminateTls(name),
      transport_socket_connect_timeout: HANDSHAKE_TIMEOUT,
    };
  });
}

const HTTP2: Json = {
  max_concurrent_streams: 100,
  initial_stream_window_size: 65_536,
  initial_connection_window_size: 1_048_576,
};

/** Its rules are a part of it, so a changed list ends this workspace's connections, after the drain time. */
function passthroughChain(plan: IngressPlan, generation: number, settings: IngressSettings): Json {
  const { metadata, spec } = plan;
  const { workspaceId, level, revision } = spec;
  return {
    name: `${metadata.name}-passthrough`,
    filter_chain_match: { ...serverNames(plan), ...fromProxies(settings.proxyProtocolFrom) },
    metadata: {
      filter_metadata: { sallyport: { generation, workspace: metadata.name, workspaceId, level, revision } },
    },
    filters: [
      ...decideConnection(renderListRules(spec, settings.proxyProtocolFrom)),
      proxyToBackends(metadata.name, AFTER_FIRST_BYTES),
    ],
  };
}

/** On connections, Envoy notes the rule that decided for a shadow matcher only: so the enforced one is both. */
function decideConnection({ matcher, shadow_matcher }: ListRules): readonly Json[] {
  const enforced = { matcher, shadow_matcher: matcher, shadow_rules_stat_prefix: ENFORCED_PREFIX };
  const filters = shadow_matcher === undefined ? [enforced] : [enforced, { shadow_matcher }];
  return filters.map((rules) =>
    extension('envoy.filters.network.rbac', 'envoy.extensions.filters.network.rbac.v3.RBAC', {
      stat_prefix: 'ingress',
      ...rules,
    }),
  );
}

/** Envoy takes the routes of the first scope whose key is the host; without one there are none. */
const BY_HOST: Json = {
  scoped_routes: {
    name: 'hosts',
    scope_key_builder: {
      fragments: [{ header_value_extractor: { name: ':authority', element_separator: ':', index: 0 } }],
    },
    rds_config_source: ADS_SOURCE,
    scoped_rds: { scoped_rds_config_source: ADS_SOURCE },
  },
};

/** A client that does not begin a request in time is closed, before it costs more; it asked for nothing, so no row. */
const AWAIT_REQUEST: readonly Json[] = [
  markAs(HEARD_KEY),
  extension(
    'envoy.filters.listener.http_inspector',
    'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector',
  ),
  markAs(SPOKE_KEY),
];

/** Scopes are compared as written, and no header mutation can lower case. A script that fails leaves the host unknown. */
const HOST_IN_LOWER_CASE: Json = extension(
  'envoy.filters.http.lua',
  'envoy.extensions.filters.http.lua.v3.Lua',
  {
    default_source_code: {
      inline_string: `function envoy_on_request(request)
  local host = request:headers():get(":authority")
  if host and host:find("%u") then
    request:headers():replace(":authority", host:lower())
    request:clearRouteCache()
  end
end`,
    },
  },
);

function terminateTls(plan: string): Json {
  return extension(
    'envoy.transport_sockets.tls',
    'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    {
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
        alpn_protocols: ['h2', 'http/1.1'],
        tls_certificate_sds_secret_configs: [{ name: certificateName(plan), sds_config: ADS_SOURCE }],
      },
    },
  );
}

function serverNames({ spec }: IngressPlan): Json {
  return { server_names: spec.hosts };
}

function filterChain(name: string, match: Json, settings: IngressSettings, manager: Json): Json {
  const filter_chain_match = { ...match, ...fromProxies(settings.proxyProtocolFrom) };
  return { name, filter_chain_match, filters: [manager] };
}

/** With PROXY headers, a connection of any other peer has no filter chain and is closed. */
function fromProxies(ranges: readonly AddressRange[]): Json {
  if (ranges.length === 0) return {};
  return { direct_source_prefix_ranges: prefixes(ranges) };
}

function proxyHeaders({ proxyProtocolFrom }: IngressSettings): readonly Json[] {
  if (proxyProtocolFrom.length === 0) return [];
  return [
    extension(
      'envoy.filters.listener.proxy_protocol',
      'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol',
    ),
  ];
}

function listener(name: string, port: number, { address }: IngressSettings, more: Json): IngressResource {
  const socket = { address, port_value: port };
  const body = typed('envoy.config.listener.v3.Listener', {
    name,
    stat_prefix: name,
    address: { socket_address: address === '::' ? { ...socket, ipv4_compat: true } : socket },
    enable_reuse_port: false,
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    listener_filters_timeout: FIRST_BYTES_TIMEOUT,
    ...more,
  });
  return { name, body };
}
