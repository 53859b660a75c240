// Tunnel checks: internal listeners that an allowed CONNECT passes before anything is resolved or dialled.
//   tls     the server name in the ClientHello must equal the host that CONNECT asked for
//   raw     any bytes, for destinations that say `protocol: TCP`
//   watch   for dry-run lanes: lets everything through and logs what a tls tunnel check would have denied
//   pass    for dry-run lanes: lets everything through and logs what the routes have decided
import { CHAINS, type Chain, CLIENT_HELLO_TIMEOUT_MS } from '../../model/access-log-line.ts';
import { accessLog, CLOSED_TUNNELS, CONTEXT_KEY, RESOLVED_KEY, WITHOUT_CHAIN } from './access-log.ts';
import { ASK_ADDRESS_CHECK, addressCheckName, contextForAddressCheck } from './address-check.ts';
import { BLACKHOLE } from './clusters.ts';
import { denyDialledAddress } from './dialled-address.ts';
import type { DnsCache } from './dns-cache.ts';
import { extension, type GatewaySettings, type Json, type NamedResource } from './envoy-config.ts';
import { celFormat, HOST_KEY, stateText, textFormat } from './filter-state.ts';
import { internalListener } from './internal-listener.ts';
import { AFTER_FIRST_BYTES, inspectTls } from './tls-inspection.ts';

const EQUAL_KEY = 'sallyport.sni_equals_host';

/** How long a client may take to send its server name. */
const CLIENT_HELLO_TIMEOUT = `${CLIENT_HELLO_TIMEOUT_MS / 1000}s`;
/**
 * In dry-run a protocol in which the server speaks first waits so long, once; a slow client must not be taken for one.
 */
const WATCH_TIMEOUT = '1s';
/** Long enough for quiet database connections. */
const IDLE_TIMEOUT = '3600s';
const DEFAULT_TLS_PORT = 443;

export function tlsCheck(name: string, cache: DnsCache, settings: GatewaySettings): NamedResource {
  const proxy = tcpProxy(name, cache.cluster, settings, AFTER_FIRST_BYTES);
  const pass = [...resolveHost(cache), denyDialledAddress(cache), proxy];
  const closed = [closingTcpProxy(name, settings)];
  return inspectingListener(
    { name, timeout: CLIENT_HELLO_TIMEOUT, settings },
    { allow: pass, mismatch: closed, 'not-tls': closed },
  );
}

/**
 * Where the server speaks first, waiting for the client's first bytes would never end, so an address check comes
 * between.
 */
export function rawCheck(name: string, cache: DnsCache, settings: GatewaySettings): NamedResource {
  const proxy = tcpProxy(name, addressCheckName(cache), settings, ASK_ADDRESS_CHECK);
  const filters = [...resolveHost(cache), contextForAddressCheck(), proxy];
  return internalListener(name, { filter_chains: [{ name: 'allow', filters }] });
}

export function watchCheck(name: string, cache: DnsCache, settings: GatewaySettings): NamedResource {
  const proxy = recordingTcpProxy('watch', name, addressCheckName(cache), settings);
  const pass = [...resolveHost(cache), contextForAddressCheck(), proxy];
  return inspectingListener(
    { name, timeout: WATCH_TIMEOUT, settings },
    { allow: pass, mismatch: pass, 'not-tls': pass },
  );
}

export function passCheck(name: string, cache: DnsCache, settings: GatewaySettings): NamedResource {
  const proxy = recordingTcpProxy('pass', name, addressCheckName(cache), settings);
  const filters = [...resolveHost(cache), contextForAddressCheck(), proxy];
  return internalListener(name, { filter_chains: [{ name: 'allow', filters }] });
}

interface Inspection {
  readonly name: string;
  readonly timeout: string;
  readonly settings: GatewaySettings;
}

/**
 * Inspects the first bytes and chooses a filter chain by them: the server name is the host, it is another one or none,
 * or there is no ClientHello at all (other bytes, or none in time).
 */
function inspectingListener(
  { name, timeout, settings }: Inspection,
  filtersOf: Readonly<Record<Chain, readonly Json[]>>,
): NamedResource {
  return internalListener(name, {
    listener_filters: [...inspectTls(false), compareSniWithHost()],
    // Logs a ClientHello that is too large, or an alert: the inspector closes the connection before any filter chain.
    access_log: accessLog(settings, 'egress-listener', stateText(CONTEXT_KEY), WITHOUT_CHAIN),
    listener_filters_timeout: timeout,
    continue_on_listener_filters_timeout: true,
    filter_chain_matcher: {
      matcher_tree: {
        input: extension(
          'transport-protocol',
          'envoy.extensions.matching.common_inputs.network.v3.TransportProtocolInput',
        ),
        exact_match_map: { map: { tls: { matcher: matchOn(EQUAL_KEY, 'true', 'allow', 'mismatch') } } },
      },
      on_no_match: chainAction('not-tls'),
    },
    filter_chains: CHAINS.map((chain) => ({ name: chain, filters: filtersOf[chain] })),
  });
}

/**
 * Compares them before any DNS question. The inspector has lower-cased the SNI but left a trailing dot, which the proxy
 * listener removes from the host, so it is ignored here, too.
 */
function compareSniWithHost(): Json {
  const [sni, host] = ['connection.requested_server_name', `string(filter_state['${HOST_KEY}'])`];
  const equal = {
    object_key: EQUAL_KEY,
    factory_key: 'envoy.string',
    format_string: celFormat(`${sni} == ${host} || ${sni} == ${host} + '.'`),
  };
  return extension(
    'envoy.filters.listener.set_filter_state',
    'envoy.extensions.filters.listener.set_filter_state.v3.Config',
    { on_accept: [equal] },
  );
}

function matchOn(key: string, value: string, whenEqual: Chain, otherwise: Chain): Json {
  return {
    matcher_tree: {
      input: extension(
        'filter-state',
        'envoy.extensions.matching.common_inputs.network.v3.FilterStateInput',
        { key },
      ),
      exact_match_map: { map: { [value]: chainAction(whenEqual) } },
    },
    on_no_match: chainAction(otherwise),
  };
}

function chainAction(chain: Chain): Json {
  return { action: extension(chain, 'google.protobuf.StringValue', { value: chain }) };
}

/**
 * Resolves the shared host in the cache of this tunnel check, and nothing else; then marks it as resolved for the log.
 */
function resolveHost(cache: DnsCache): readonly Json[] {
  const resolved = {
    object_key: RESOLVED_KEY,
    factory_key: 'envoy.string',
    format_string: textFormat('yes'),
  };
  return [
    extension(
      'envoy.filters.network.sni_dynamic_forward_proxy',
      'envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig',
      { port_value: DEFAULT_TLS_PORT, dns_cache_config: cache.config, save_upstream_address: true },
    ),
    extension(
      'envoy.filters.network.set_filter_state',
      'envoy.extensions.filters.network.set_filter_state.v3.Config',
      { on_new_connection: [resolved] },
    ),
  ];
}

function tcpProxy(name: string, cluster: string, settings: GatewaySettings, mode: Json): Json {
  return tcpProxyTo(name, cluster, {
    ...mode,
    access_log: accessLog(settings, 'tunnel-check', stateText(CONTEXT_KEY), CLOSED_TUNNELS),
  });
}

/** Such a tunnel has not been resolved, so it leaves a line without being asked about that. */
function closingTcpProxy(name: string, settings: GatewaySettings): Json {
  return tcpProxyTo(name, BLACKHOLE, {
    access_log: accessLog(settings, 'tunnel-check', stateText(CONTEXT_KEY)),
  });
}

/** A dry-run finding is logged when the address check has opened or denied the tunnel, not when the tunnel ends. */
function recordingTcpProxy(
  listener: 'watch' | 'pass',
  name: string,
  cluster: string,
  settings: GatewaySettings,
): Json {
  return tcpProxyTo(name, cluster, {
    ...ASK_ADDRESS_CHECK,
    access_log: accessLog(settings, listener, stateText(CONTEXT_KEY)),
    access_log_options: { flush_access_log_on_connected: true },
  });
}

function tcpProxyTo(name: string, cluster: string, config: Json = {}): Json {
  return extension(
    'envoy.filters.network.tcp_proxy',
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    {
      stat_prefix: name,
      cluster,
      idle_timeout: IDLE_TIMEOUT,
      ...config,
    },
  );
}
