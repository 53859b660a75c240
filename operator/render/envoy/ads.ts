// How an Envoy is told where its resources come from over incremental xDS: all on one stream, from the gateway's unix
// socket.
import { type Json, typed } from './envoy-config.ts';

const XDS_CLUSTER = 'xds';

/** Where Envoy finds the gateway. */
export function xdsSocketPath({ directory }: { readonly directory: string }): string {
  return `${directory}/xds.sock`;
}

/**
 * For a route table or a secret that a listener names. A new listener waits for it at most this long, and then denies
 * what needs it.
 */
export const ADS_SOURCE: Json = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '5s' };

/**
 * Envoy waits for its first listeners and clusters as long as it takes, and a listener for its route table: without them
 * it would be ready with nothing.
 */
export const PATIENT_SOURCE: Json = { ...ADS_SOURCE, initial_fetch_timeout: '0s' };

/** `dynamic_resources` and `static_resources` of a bootstrap. */
export function renderAds(place: { readonly directory: string }): Json {
  return {
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        // Envoy's own pauses grow to 30 s.
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: XDS_CLUSTER,
              retry_policy: { retry_back_off: { base_interval: '0.1s', max_interval: '0.5s' } },
            },
          },
        ],
      },
      lds_config: PATIENT_SOURCE,
      cds_config: PATIENT_SOURCE,
    },
    static_resources: { clusters: [xdsCluster(xdsSocketPath(place))] },
  };
}

function xdsCluster(socketPath: string): Json {
  const endpoint = { address: { pipe: { path: socketPath } } };
  return {
    name: XDS_CLUSTER,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: XDS_CLUSTER, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        { explicit_http_config: { http2_protocol_options: {} } },
      ),
    },
  };
}
