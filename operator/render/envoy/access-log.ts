// The access log: one JSON line per denial, and the spool from which denials are read. A line costs CPU twice, where it
// is written and where it is read, so what was simply allowed leaves none, and no listener writes what another one says.
// model/access-log-line.ts reads exactly these fields.
import type { LogListener } from '../../model/access-log-line.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

/** Filter state that carries what the proxy listener knows to the guard behind it. */
export const CONTEXT_KEY = 'sallyport.context';

/**
 * For proxies of enforced lanes: what was refused, or went wrong; a tunnel let through is its guard's to judge.
 * Envoy demands a runtime key, though nobody sets it.
 */
export const NOT_ALLOWED: Json = {
  status_code_filter: { comparison: { op: 'GE', value: { default_value: 300, runtime_key: 'unused' } } },
};

/** For proxies of dry-run lanes: every plain request, tunnels when they open, and those that never did. */
export const OPENED_OR_FAILED: Json = {
  or_filter: {
    filters: [
      {
        header_filter: {
          header: { name: ':method', string_match: { exact: 'CONNECT' }, invert_match: true },
        },
      },
      NOT_ALLOWED,
      { log_type_filter: { types: ['DownstreamTunnelSuccessfullyEstablished'] } },
    ],
  },
};

/** For guards: tunnels that were cut or never reached their destination. */
export const CUT: Json = { response_flag_filter: {} };

function accessLogPath(settings: GatewaySettings): string {
  return `${settings.directory}/log/access.log`;
}

/** `context` is the text of the line's context: literal on a proxy listener, filter state on a guard. */
export function accessLog(
  settings: GatewaySettings,
  listener: LogListener,
  context: string,
  filter?: Json,
): readonly Json[] {
  const log = extension(
    'envoy.access_loggers.file',
    'envoy.extensions.access_loggers.file.v3.FileAccessLog',
    {
      path: accessLogPath(settings),
      log_format: { json_format: { listener, context, ...FIELDS[listener] } },
    },
  );
  return [filter === undefined ? log : { ...log, filter }];
}

/** Each listener writes what it can know; the reader takes a missing field as empty. */
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
  method: '%REQ(:METHOD)%',
  code: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  decision: '%ROUTE_NAME%',
};

const TUNNEL_FIELDS: Json = {
  chain: '%FILTER_CHAIN_NAME%',
  sni: '%REQUESTED_SERVER_NAME%',
};

const FIELDS: Readonly<Record<LogListener, Json>> = {
  proxy: { ...COMMON_FIELDS, ...REQUEST_FIELDS },
  'private-http': { ...COMMON_FIELDS, ...REQUEST_FIELDS },
  guard: { ...COMMON_FIELDS, ...TUNNEL_FIELDS },
  watch: { ...COMMON_FIELDS, ...TUNNEL_FIELDS },
};
