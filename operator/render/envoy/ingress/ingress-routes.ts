// Routes of one workspace, a resource of its own: a changed list reaches Envoy as this and nothing else, and the next
// request on any connection meets it. TLS names it directly, plain HTTP by the host (scopes).
import { memoize } from '../../../lib/memo.ts';
import { refusedPlace } from '../../../model/inbound-refusal.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { type Json, typed } from '../envoy-config.ts';
import { ADDRESS_HEADERS, overwritten } from './client-address.ts';
import type { IngressResource } from './ingress-config.ts';
import type { LoggedPlan } from './ingress-log.ts';
import { passageName, routesName, scopeName } from './ingress-names.ts';
import { denyAll, type ListRules, renderListRules } from './list-rules.ts';
import { type PlaceMetadata, placeMetadata } from './local-replies.ts';

/** No 15 s timeout; quiet WebSockets live for an hour. */
const TIMES: Json = { timeout: '0s', idle_timeout: '3600s' };
/** A server may close an idle connection just when a request goes out; what changes nothing may be sent again. */
const SAFE_METHODS = ['GET', 'HEAD'];
const RETRY: Json = { retry_on: 'reset', num_retries: 1 };

/** The very same answer for the same plan: with 1,000 addresses, text alone takes a while. */
export const renderRoutes = memoize(
  ({ metadata, spec }: IngressPlan, generation: number, accountId: string): IngressResource => {
    const name = routesName(metadata.name);
    const cluster = passageName(metadata.name, generation);
    const { hosts = [], workspaceId, level, revision } = spec;
    const body = typed('envoy.config.route.v3.RouteConfiguration', {
      name,
      ignore_port_in_host_matching: true,
      virtual_hosts: [
        {
          name: metadata.name,
          domains: hosts,
          ...ADDRESS_HEADERS,
          typed_per_filter_config: decideBy(renderListRules(spec)),
          routes: [
            ODD_AUTHORITY,
            ...forward(cluster, {
              ...{ workspace: metadata.name, workspaceId, level, revision },
              ...placeMetadata(refusedPlace(spec, accountId)),
            }),
          ],
        },
      ],
    });
    return { name, body, workspace: metadata.name };
  },
);

/**
 * What else a Connection header names, the server would remove: also the address of the client. Without an upgrade Envoy
 * leaves it out.
 */
function forward(cluster: string, plan: LoggedPlan & PlaceMetadata): readonly Json[] {
  const metadata = { filter_metadata: { sallyport: plan } };
  const route = { cluster, ...TIMES };
  const upgrade = {
    match: { prefix: '/', headers: [{ name: 'upgrade', present_match: true }] },
    route,
    metadata,
    request_headers_to_add: [overwritten('connection', 'upgrade')],
  };
  const safe = SAFE_METHODS.map((method) => ({
    match: { prefix: '/', headers: [{ name: ':method', string_match: { exact: method } }] },
    route: { ...route, retry_policy: RETRY },
    metadata,
  }));
  return [upgrade, ...safe, { match: { prefix: '/' }, route, metadata }];
}

/** Envoy finds a host whatever follows its colon, and servers may read that in another way. */
const ODD_AUTHORITY: Json = {
  match: {
    prefix: '/',
    headers: [
      {
        name: ':authority',
        string_match: { safe_regex: { regex: '[^:]+(?::[1-9][0-9]{0,4})?' } },
        invert_match: true,
      },
    ],
  },
  direct_response: { status: 400 },
  typed_per_filter_config: decideBy(denyAll('BAD_REQUEST')),
};

function decideBy(rbac: ListRules): Json {
  return {
    'envoy.filters.http.rbac': typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac }),
  };
}

export const renderScopes = memoize(({ metadata, spec }: IngressPlan): readonly IngressResource[] =>
  (spec.hosts ?? []).map((host) => ({
    name: scopeName(host),
    body: typed('envoy.config.route.v3.ScopedRouteConfiguration', {
      name: scopeName(host),
      route_configuration_name: routesName(metadata.name),
      key: { fragments: [{ string_key: host }] },
    }),
    workspace: metadata.name,
  })),
);
