// The access log: one JSON line per decision, and the spool from which denials are read. The same fields on every
// listener; model/access-log-line.ts reads exactly these.
import type { LogListener } from '../../model/access-log-line.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

/** Filter state that carries what the proxy listener knows to the guard behind it. */
export const CONTEXT_KEY = 'sallyport.context';

/** A line is written where Envoy decided; a connection that never reached a filter chain is logged by its listener. */
export const NO_FILTER_CHAIN: Json = {
  extension_filter: extension(
    'envoy.access_loggers.extension_filters.cel',
    'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
    { expression: 'xds.filter_chain_name == ""' },
  ),
};

export function accessLogPath(settings: GatewaySettings): string {
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
      log_format: { json_format: { listener, context, ...COMMON_FIELDS } },
    },
  );
  return [filter === undefined ? log : { ...log, filter }];
}

const COMMON_FIELDS: Json = {
  time: '%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%',
  type: '%ACCESS_LOG_TYPE%',
  method: '%REQ(:METHOD)%',
  code: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  decision: '%ROUTE_NAME%',
  chain: '%FILTER_CHAIN_NAME%',
  flags: '%RESPONSE_FLAGS%',
  sni: '%REQUESTED_SERVER_NAME%',
  failure: '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
  upstream: '%UPSTREAM_HOST%',
  bytesReceived: '%BYTES_RECEIVED%',
  bytesSent: '%BYTES_SENT%',
  durationMs: '%DURATION%',
};
