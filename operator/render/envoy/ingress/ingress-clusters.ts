// From the routes of a workspace to its servers. Between them is a passage, an internal listener for each generation of
// access: when access becomes narrower, requests take the next passage, which exists already, and the former one
// changes, so that Envoy closes all that is still in it after its drain time.
import { memoize } from '../../../lib/memo.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { BUFFER_BYTES } from '../../../model/limits.ts';
import { DRAIN_TIME_S } from '../bootstrap.ts';
import { internalCluster, UNLIMITED_CIRCUIT } from '../clusters.ts';
import { extension, type Json, typed } from '../envoy-config.ts';
import { internalListener } from '../internal-listener.ts';
import type { IngressResource, ResolvedBackend } from './ingress-config.ts';
import { backendsName, passageName } from './ingress-names.ts';

const CONNECT_TIMEOUT = '5s';
const IDLE_TIMEOUT = '3600s';
/** Servers tried before a connection fails. */
const MAX_ATTEMPTS = 3;

/** A server that takes no connections is left out for a while, as long as there is another one. */
const OUTLIERS: Json = {
  consecutive_5xx: MAX_ATTEMPTS,
  interval: '1s',
  base_ejection_time: '5s',
  max_ejection_percent: 100,
};

export const backendCluster = memoize(
  (backends: readonly ResolvedBackend[], plan: string): IngressResource => {
    const name = backendsName(plan);
    const lb_endpoints = backends.map(({ address, port }) => ({
      endpoint: { address: { socket_address: { address, port_value: port } } },
    }));
    const body = typed('envoy.config.cluster.v3.Cluster', {
      name,
      type: 'STATIC',
      connect_timeout: CONNECT_TIMEOUT,
      per_connection_buffer_limit_bytes: BUFFER_BYTES,
      circuit_breakers: UNLIMITED_CIRCUIT,
      outlier_detection: OUTLIERS,
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    });
    return { name, body, workspace: plan };
  },
);

export interface Passage {
  readonly cluster: IngressResource;
  readonly listener: IngressResource;
}

/** The current one, the next, and the former one, for requests that met the former routes just before they changed. */
export const renderPassages = memoize(
  ({ metadata: { name } }: IngressPlan, generation: number): readonly Passage[] => {
    const former = generation === 0 ? [] : [renderPassage(name, generation - 1, ENDS_SOON)];
    return [...former, renderPassage(name, generation), renderPassage(name, generation + 1)];
  },
);

const ENDS_SOON: Json = { max_downstream_connection_duration: `${DRAIN_TIME_S}s` };

function renderPassage(plan: string, generation: number, more: Json = {}): Passage {
  const name = passageName(plan, generation);
  const listener = internalListener(name, {
    filter_chains: [{ name: 'passage', filters: [proxyToBackends(plan, more)] }],
  });
  const { body } = internalCluster(listener);
  const cluster = { ...body, typed_extension_protocol_options: HTTP_OPTIONS };
  return {
    listener: { ...listener, workspace: plan },
    cluster: { name, body: cluster, workspace: plan },
  };
}

/** Idle connections end before those of common servers do, so that fewer requests meet a closed one. */
const HTTP_OPTIONS: Json = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    {
      common_http_protocol_options: { idle_timeout: '4s' },
      explicit_http_config: { http_protocol_options: {} },
    },
  ),
};

export function proxyToBackends(plan: string, more: Json = {}): Json {
  return extension(
    'envoy.filters.network.tcp_proxy',
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    {
      stat_prefix: 'ingress',
      cluster: backendsName(plan),
      idle_timeout: IDLE_TIMEOUT,
      max_connect_attempts: MAX_ATTEMPTS,
      ...more,
    },
  );
}
