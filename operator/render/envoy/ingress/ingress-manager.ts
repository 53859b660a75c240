// The HTTP connection manager of ingress listeners: one reading of each request, the lists of its workspace, and then
// its servers.
import { extension, type Json } from '../envoy-config.ts';
import { OTHER_UPGRADES } from '../other-upgrades.ts';
import type { PeerTreatment } from './client-address.ts';
import { ingressLog } from './ingress-log.ts';
import { INGRESS_STATISTICS } from './ingress-names.ts';
import { denyAll } from './list-rules.ts';
import { localReplies, type UnknownHostStatus } from './local-replies.ts';

interface ManagerParts {
  readonly directory: string;
  readonly treatment: PeerTreatment;
  readonly routes: Json;
  readonly codec: Json;
  readonly unknownHostStatus: UnknownHostStatus;
  /** HTTP filters before all others. */
  readonly filters?: readonly Json[];
}

const MAX_REQUEST_HEADERS_KB = 64;

export function ingressManager({
  directory,
  treatment,
  routes,
  codec,
  unknownHostStatus,
  filters = [],
}: ManagerParts): Json {
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  return extension('envoy.filters.network.http_connection_manager', type, {
    stat_prefix: INGRESS_STATISTICS,
    ...codec,
    ...treatment.manager,
    ...routes,
    generate_request_id: false,
    strip_trailing_host_dot: true,
    server_header_transformation: 'PASS_THROUGH',
    max_request_headers_kb: MAX_REQUEST_HEADERS_KB,
    request_headers_timeout: '10s',
    delayed_close_timeout: '0.2s',
    stream_idle_timeout: '3600s',
    // Of connections without a request: anybody may open some, and lists deny requests.
    common_http_protocol_options: { idle_timeout: '75s', max_headers_count: 100 },
    http_protocol_options: { ignore_http_11_upgrade: OTHER_UPGRADES },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    http_filters: [
      ...filters,
      extension('envoy.filters.http.rbac', 'envoy.extensions.filters.http.rbac.v3.RBAC', {
        ...denyAll('UNKNOWN_HOST'),
      }),
      extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {
        suppress_envoy_headers: true,
      }),
    ],
    local_reply_config: localReplies(unknownHostStatus),
    access_log: [ingressLog(directory, 'http')],
  });
}
