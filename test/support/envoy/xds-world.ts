// Random resources for one Envoy, and steps that change them. In: numbers. Out: resources, each with content that Envoy
// accepts, rejects, or that cannot even be encoded. One listener that always is there asks for all route tables and
// secrets.
import fc from 'fast-check';
import { RESOURCE_KINDS, type ResourceKind } from '../../../operator/gateway/xds/resource-kind.ts';
import { ADS_SOURCE } from '../../../operator/render/envoy/ads.ts';
import {
  extension,
  type Json,
  type NamedResource,
  typed,
} from '../../../operator/render/envoy/envoy-config.ts';
import type { Leaf } from '../../outside/certificates.ts';

type Health = 'good' | 'rejected' | 'no resource';

export interface Content {
  readonly health: Health;
  /** Contents of one health differ by this. */
  readonly edition: number;
}

export interface Slot {
  readonly kind: ResourceKind;
  readonly at: number;
}

export type Step =
  | { readonly step: 'set'; readonly slot: Slot; readonly content: Content }
  | { readonly step: 'remove'; readonly slot: Slot }
  /** What the steps before it changed. */
  | { readonly step: 'apply' }
  | { readonly step: 'restart Envoy' }
  | { readonly step: 'restart server' }
  | { readonly step: 'restart both' };

export const WIDTH = 3;

const slot = fc.record({
  kind: fc.constantFrom(...RESOURCE_KINDS),
  at: fc.nat(WIDTH - 1),
});
const content = fc.record({
  health: fc.constantFrom<Health>('good', 'good', 'good', 'rejected', 'no resource'),
  edition: fc.nat(9),
});

export const steps = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.record({ step: fc.constant('set' as const), slot, content }) },
    { weight: 4, arbitrary: fc.record({ step: fc.constant('remove' as const), slot }) },
    { weight: 5, arbitrary: fc.constant({ step: 'apply' as const }) },
    { weight: 1, arbitrary: fc.constant({ step: 'restart Envoy' as const }) },
    { weight: 1, arbitrary: fc.constant({ step: 'restart server' as const }) },
    { weight: 1, arbitrary: fc.constant({ step: 'restart both' as const }) },
  ),
  { minLength: 10, maxLength: 40 },
);

/** What the resources are made with. */
export interface Surroundings {
  /** One for each listener, and one more. */
  readonly ports: readonly number[];
  readonly leaf: Pick<Leaf, 'cert' | 'key'>;
}

export function nameOf({ kind, at }: Slot): string {
  return `${kind}/${at}`;
}

export function resourceOf(place: Slot, { health, edition }: Content, around: Surroundings): NamedResource {
  const name = nameOf(place);
  const isRejected = health === 'rejected';
  const body = BODIES[place.kind](place.at, isRejected, edition, around);
  return { name, body: health === 'no resource' ? { ...body, no_such_field: edition } : body };
}

/** Steps leave out what listeners name, so those do not wait long. */
const SOURCE: Json = { ...ADS_SOURCE, initial_fetch_timeout: '0.2s' };

/** Asks for every route table and secret, and for scopes. */
export function askingListener({ ports }: Surroundings): NamedResource {
  const chains = Array.from({ length: WIDTH }, (_, at) => ({
    filter_chain_match: { server_names: [`${at}.example.com`] },
    ...filterChain(at, '%RESPONSE_CODE%'),
    ...withSecret(at),
  }));
  const inspector = extension(
    'envoy.filters.listener.tls_inspector',
    'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
  );
  const scoped = { filters: [manager(scopes(), '%RESPONSE_CODE%')] };
  const body = listener('asking', ports[WIDTH], [...chains, scoped]);
  return { name: 'asking', body: { ...body, listener_filters: [inspector] } };
}

type BodyOf = (at: number, isRejected: boolean, edition: number, around: Surroundings) => Json;

const BODIES: Readonly<Record<ResourceKind, BodyOf>> = {
  cluster: (at, isRejected, edition) =>
    typed('envoy.config.cluster.v3.Cluster', {
      name: nameOf({ kind: 'cluster', at }),
      connect_timeout: `${edition + 1}s`,
      ...(isRejected ? { lb_policy: 'CLUSTER_PROVIDED' } : {}),
    }),
  secret: (at, isRejected, edition, { leaf }) =>
    typed('envoy.extensions.transport_sockets.tls.v3.Secret', {
      name: nameOf({ kind: 'secret', at }),
      tls_certificate: {
        // Text around a certificate is ignored.
        certificate_chain: { inline_string: `edition ${edition}\n${isRejected ? 'none' : leaf.cert}` },
        private_key: { inline_string: leaf.key },
      },
    }),
  route: (at, isRejected, edition) =>
    typed('envoy.config.route.v3.RouteConfiguration', {
      name: nameOf({ kind: 'route', at }),
      virtual_hosts: [
        {
          name: 'all',
          domains: isRejected ? ['*', '*'] : ['*'],
          routes: [
            {
              match: { prefix: '/' },
              direct_response: { status: 200, body: { inline_string: `edition ${edition}` } },
            },
          ],
        },
      ],
    }),
  scope: (at, isRejected, edition) =>
    typed('envoy.config.route.v3.ScopedRouteConfiguration', {
      name: nameOf({ kind: 'scope', at }),
      route_configuration_name: nameOf({ kind: 'route', at }),
      ...(isRejected ? {} : { key: { fragments: [{ string_key: `${at} ${edition}` }] } }),
    }),
  listener: (at, isRejected, edition, { ports }) =>
    listener(nameOf({ kind: 'listener', at }), ports[at], [
      {
        metadata: { filter_metadata: { test: { edition } } },
        ...filterChain(at, isRejected ? '%NO_SUCH_OPERATOR%' : '%RESPONSE_CODE%'),
      },
    ]),
};

function listener(name: string, port: number | undefined, chains: readonly Json[]): Json {
  return typed('envoy.config.listener.v3.Listener', {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: chains,
  });
}

function rdsOf(at: number): Json {
  return { rds: { route_config_name: nameOf({ kind: 'route', at }), config_source: SOURCE } };
}

function scopes(): Json {
  const fragments = [{ header_value_extractor: { name: 'x-scope', index: 0 } }];
  return {
    scoped_routes: {
      name: 'scopes',
      scope_key_builder: { fragments },
      rds_config_source: SOURCE,
      scoped_rds: { scoped_rds_config_source: SOURCE },
    },
  };
}

/** Its own access log, which makes Envoy reject it where it is wrong. */
function filterChain(at: number, logged: string): Json {
  return { filters: [manager(rdsOf(at), logged)] };
}

/** Only of the listener that always is there: Envoy rejects a new one whose secret it rejected before. */
function withSecret(at: number): Json {
  const secret = { name: nameOf({ kind: 'secret', at }), sds_config: SOURCE };
  return {
    transport_socket: extension(
      'envoy.transport_sockets.tls',
      'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      { common_tls_context: { tls_certificate_sds_secret_configs: [secret] } },
    ),
  };
}

function manager(routes: Json, logged: string): Json {
  return extension(
    'envoy.filters.network.http_connection_manager',
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      stat_prefix: 'ingress',
      ...routes,
      http_filters: [
        extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router'),
      ],
      access_log: [
        extension('envoy.access_loggers.file', 'envoy.extensions.access_loggers.file.v3.FileAccessLog', {
          path: '/dev/null',
          log_format: { json_format: { logged } },
        }),
      ],
    },
  );
}
