// The access log: one JSON line per denial, and the spool from which denials are read. A line costs CPU twice, where it
// is written and where it is read, so an allowed connection leaves none, and no two listeners write the same.
// model/access-log-line.ts reads exactly these fields.
import type { EnvoyListener } from '../../model/access-log-line.ts';
import { DRAIN_TIME_S } from './bootstrap.ts';
import { DENYING_RULE } from './dialled-address.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

/** Filter state that carries what the proxy listener knows to the tunnel check behind it. */
export const CONTEXT_KEY = 'sallyport.context';

/** Filter state that carries what the routes decided to the tunnel checks of dry-run lanes. */
export const DECISION_KEY = 'sallyport.decision';

/**
 * For proxies of enforced lanes, and address checks: requests that were denied, or failed; an allowed tunnel is logged
 * by its tunnel check. Envoy demands a runtime key, though nobody sets it.
 */
export const NOT_ALLOWED: Json = {
  status_code_filter: { comparison: { op: 'GE', value: { default_value: 300, runtime_key: 'unused' } } },
};

/** For proxies of dry-run lanes: every plain request, and tunnels that never opened; tunnel checks log the others. */
const PLAIN_OR_FAILED: Json = {
  or_filter: {
    filters: [
      {
        header_filter: {
          header: { name: ':method', string_match: { exact: 'CONNECT' }, invert_match: true },
        },
      },
      NOT_ALLOWED,
    ],
  },
};

/** Filter state of a connection whose client sent something before the TLS inspector. */
export const SPOKE_KEY = 'sallyport.spoke';

/** For egress listeners: connections that were closed before a decision, which have no such filter state yet. */
export function without(stateKey: string): Json {
  return expressionFilter(`!(${isSet(stateKey)})`);
}

/** For tunnel checks: connections that were closed before a filter chain was chosen. */
export const WITHOUT_CHAIN: Json = expressionFilter("xds.filter_chain_name == ''");

export function expressionFilter(expression: string): Json {
  return {
    extension_filter: extension(
      'envoy.access_loggers.extension_filters.cel',
      'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
      { expression },
    ),
  };
}

function isSet(stateKey: string): string {
  return `'${stateKey}' in filter_state`;
}

/** Filter state that a tunnel check sets when its name has been resolved, whether or not that gave an address. */
export const RESOLVED_KEY = 'sallyport.resolved';

/** No access log filter of Envoy knows closed tunnels; but all of them are older than Envoy's drain time. */
const MAY_HAVE_BEEN_CLOSED: Json = {
  duration_filter: {
    comparison: {
      op: 'GE',
      value: { default_value: (DRAIN_TIME_S - 1) * 1000, runtime_key: 'unused' },
    },
  },
};

/** For tunnel checks of plain HTTP: requests that were denied or failed, or may have been closed. */
export const NOT_ALLOWED_OR_CLOSED: Json = { or_filter: { filters: [NOT_ALLOWED, MAY_HAVE_BEEN_CLOSED] } };

/**
 * For tunnel checks: tunnels that failed, those that were denied before their name was resolved or because of its
 * address, and all that may have been closed.
 */
export const CLOSED_TUNNELS: Json = {
  or_filter: {
    filters: [
      { response_flag_filter: {} },
      MAY_HAVE_BEEN_CLOSED,
      expressionFilter(`!(${isSet(RESOLVED_KEY)}) || connection.termination_details != ''`),
    ],
  },
};

function accessLogPath(settings: GatewaySettings): string {
  return `${settings.directory}/log/access.log`;
}

/** `context` is the text of the line's context: literal on a proxy listener, filter state on a tunnel check. */
export function accessLog(
  settings: GatewaySettings,
  listener: EnvoyListener,
  context: string,
  filter?: Json,
): readonly Json[] {
  return fileLog(settings, { listener, context, ...FIELDS[listener] }, filter);
}

/** For proxies of dry-run lanes, and their SNI routers. */
export function dryRunLog(
  settings: GatewaySettings,
  listener: 'proxy' | 'sni-router',
  context: string,
): readonly Json[] {
  const fields = { listener, context, ...FIELDS[listener], denyingRule: DENYING_RULE };
  return fileLog(settings, fields, PLAIN_OR_FAILED);
}

function fileLog(settings: GatewaySettings, fields: Json, filter: Json | undefined): readonly Json[] {
  const log = extension(
    'envoy.access_loggers.file',
    'envoy.extensions.access_loggers.file.v3.FileAccessLog',
    { path: accessLogPath(settings), log_format: { json_format: fields } },
  );
  return [filter === undefined ? log : { ...log, filter }];
}

/**
 * Each listener writes what it can know; the reader takes a missing field as empty. A client's text has a maximum
 * length, here and in the context; all else is text of Envoy and names of ours.
 */
const COMMON_FIELDS: Json = {
  time: '%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%',
  type: '%ACCESS_LOG_TYPE%',
  flags: '%RESPONSE_FLAGS%',
  upstream: '%UPSTREAM_HOST%',
  bytesReceived: '%BYTES_RECEIVED%',
  bytesSent: '%BYTES_SENT%',
  durationMs: '%DURATION%',
};

const REQUEST_FIELDS: Json = {
  method: '%REQ(:METHOD):20%',
  code: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  decision: '%ROUTE_NAME%',
};

/** Envoy takes no server name of more than 255 bytes. */
const TUNNEL_FIELDS: Json = {
  chain: '%FILTER_CHAIN_NAME%',
  sni: '%REQUESTED_SERVER_NAME%',
};

const TUNNEL_CHECK_FIELDS: Json = {
  ...TUNNEL_FIELDS,
  resolved: `%CEL(${isSet(RESOLVED_KEY)})%`,
  closing: '%DOWNSTREAM_LOCAL_CLOSE_REASON%',
};

const RECORDING_FIELDS: Json = {
  ...TUNNEL_CHECK_FIELDS,
  decision: `%FILTER_STATE(${DECISION_KEY}:PLAIN)%`,
  addressCheck: '%FILTER_STATE(envoy.tcp_proxy.propagate_response_headers:TYPED)%',
};

const CLOSED_FIELDS: Json = {
  ...TUNNEL_FIELDS,
  details: '%DYNAMIC_METADATA(envoy.filters.listener.tls_inspector:failure_reason)%',
  spoke: `%FILTER_STATE(${SPOKE_KEY}:PLAIN)%`,
};

const FIELDS: Readonly<Record<EnvoyListener, Json>> = {
  proxy: { ...COMMON_FIELDS, ...REQUEST_FIELDS },
  'sni-router': { ...COMMON_FIELDS, ...REQUEST_FIELDS },
  'egress-listener': { ...COMMON_FIELDS, ...CLOSED_FIELDS },
  'address-check': { ...COMMON_FIELDS, ...REQUEST_FIELDS },
  'private-http': { ...COMMON_FIELDS, ...REQUEST_FIELDS },
  'tunnel-check': { ...COMMON_FIELDS, ...TUNNEL_CHECK_FIELDS },
  watch: { ...COMMON_FIELDS, ...RECORDING_FIELDS },
  pass: { ...COMMON_FIELDS, ...RECORDING_FIELDS },
};
