// Routes that deny with a reason, or in dry-run lanes forward and log the same reason. The route's name is the decision
// as it stands in the log: "drop:PORT_NOT_ALLOWED", "dry-run:PORT_NOT_ALLOWED", "allow".
import {
  ADDRESS_DENIED_DETAILS,
  AUTHORITY_DENIED_DETAILS,
  DROP_PREFIX,
  DRY_RUN_PREFIX,
  TOO_MANY_NAMES_DETAILS,
} from '../../model/access-log-line.ts';
import { isDeniedAlways, REASON_HEADER, REASONS, type Reason } from '../../model/reason.ts';
import { expressionFilter } from './access-log.ts';
import { ASKED_AUTHORITY } from './caller-context.ts';
import type { Json } from './envoy-config.ts';
import { ASKED_PORT, type SharedObject, shareOnRoute, textFormat } from './filter-state.ts';

/** Which requests a route is for: CONNECT or plain HTTP, and on which port. */
export interface RouteMatch {
  readonly via: 'CONNECT' | 'HTTP';
  readonly headers?: readonly Json[];
}

/** The common part of a route table's denials. */
export interface DenyContext {
  readonly networkPolicyId: string;
  /** In dry-run lanes, where denied requests are forwarded nevertheless; undefined in all others. */
  readonly dryRun: { readonly connectCluster: string; readonly httpCluster: string } | undefined;
}

/** An upper bound for every tunnel, even one that we lost track of. */
export const MAX_TUNNEL_AGE_S = 86_400;
/** A WebSocket or a long download over plain HTTP is no tunnel that we could close, so this bounds revoked ones. */
const MAX_HTTP_AGE_S = 3600;

/** No 15 s timeout, and quiet database connections live. */
function timesOf(via: RouteMatch['via']): Json {
  const maxAgeS = via === 'CONNECT' ? MAX_TUNNEL_AGE_S : MAX_HTTP_AGE_S;
  return {
    timeout: '0s',
    idle_timeout: '3600s',
    max_stream_duration: { max_stream_duration: `${maxAgeS}s` },
  };
}
const PLAIN_TEXT = 'text/plain; charset=utf-8';
const CONNECT_UPGRADE = { upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] };

/**
 * Denies every request, through CONNECT and plain HTTP; in dry-run lanes, where the reason allows that, forwards it and
 * logs the same.
 */
export function deny(reason: Reason, { networkPolicyId, dryRun }: DenyContext): readonly Json[] {
  if (dryRun === undefined || isDeniedAlways(reason)) return denyAlways(reason, networkPolicyId);
  const name = `${DRY_RUN_PREFIX}${reason}`;
  return [
    forward(name, { via: 'CONNECT' }, dryRun.connectCluster, ASKED_PORT),
    forward(name, { via: 'HTTP' }, dryRun.httpCluster, ASKED_PORT),
  ];
}

/** Denies in every lane, in dry-run too. */
export function denyAlways(reason: Reason, networkPolicyId: string): readonly Json[] {
  return [drop(reason, { via: 'CONNECT' }, networkPolicyId), drop(reason, { via: 'HTTP' }, networkPolicyId)];
}

/** Sends what matches to a cluster; `port` is what it dials there. */
export function forward(name: string, match: RouteMatch, cluster: string, port?: SharedObject): Json {
  const upgrade = match.via === 'CONNECT' ? CONNECT_UPGRADE : {};
  const dialled = port === undefined ? {} : { typed_per_filter_config: shareOnRoute(port) };
  return {
    name,
    match: routeMatch(match),
    route: { cluster, ...upgrade, ...timesOf(match.via) },
    ...dialled,
  };
}

function drop(reason: Reason, match: RouteMatch, networkPolicyId: string): Json {
  return {
    name: `${DROP_PREFIX}${reason}`,
    match: routeMatch(match),
    direct_response: {
      status: 403,
      body_format: { ...textFormat(denialText(reason, networkPolicyId)), content_type: PLAIN_TEXT },
    },
    response_headers_to_add: REASON_HEADERS.get(reason),
  };
}

/** Thousands of routes have them. */
const REASON_HEADERS: ReadonlyMap<string, readonly Json[]> = new Map(
  Object.keys(REASONS).map((reason) => [reason, [header(REASON_HEADER, reason)]]),
);

const IS_ADDRESS_DENIED = ADDRESS_DENIED_DETAILS.map(
  (details) => `response.code_details.contains('${details}')`,
).join(' || ');

/** Where Envoy denies a request whatever its route says, the client gets a denial like any other. */
export function denyAroundRoutes(): Json {
  return AROUND_ROUTES;
}

/** Where allowed requests are resolved elsewhere. */
export function denyBeforeRoutes(): Json {
  return BEFORE_ROUTES;
}

/**
 * Denials of allowed requests: because of the address, and of a name that is one too many for the cache, which may
 * succeed soon.
 */
export function denyBehindRoutes(): Json {
  return { mappers: BEHIND_ROUTES };
}

/** For an address check, whose answer only a tunnel check sees: why it denied. */
export function reasonForTunnelCheck(): Json {
  return {
    mappers: [
      {
        filter: { response_flag_filter: { flags: ['UH'] } },
        headers_to_add: [header(REASON_HEADER, 'UNRESOLVED_OR_PRIVATE')],
      },
      {
        filter: expressionFilter(IS_ADDRESS_DENIED),
        headers_to_add: [header(REASON_HEADER, 'ADDRESS_DENIED')],
      },
    ],
  };
}

function replyTo(expression: string, status: number, reason: Reason): Json {
  const text = `Access to "${ASKED_AUTHORITY}" is denied: ${REASONS[reason]} (${reason})\n`;
  const filter = expressionFilter(expression);
  return {
    filter,
    status_code: status,
    body_format_override: textFormat(text),
    headers_to_add: [header(REASON_HEADER, reason), header('content-type', PLAIN_TEXT)],
  };
}

const UNREADABLE = replyTo(`response.code_details == '${AUTHORITY_DENIED_DETAILS}'`, 403, 'BAD_NAME');

const BEHIND_ROUTES: readonly Json[] = [
  replyTo(IS_ADDRESS_DENIED, 403, 'ADDRESS_DENIED'),
  replyTo(
    TOO_MANY_NAMES_DETAILS.map((details) => `response.code_details == '${details}'`).join(' || '),
    503,
    'TOO_MANY_NAMES',
  ),
];

/** Thousands of listeners have them. */
const AROUND_ROUTES: Json = { mappers: [UNREADABLE, ...BEHIND_ROUTES] };
const BEFORE_ROUTES: Json = { mappers: [UNREADABLE] };

/** Short, for people: what was denied, by which policy, and why. */
function denialText(reason: Reason, networkPolicyId: string): string {
  return `Access to "${ASKED_AUTHORITY}" is denied by network policy "${networkPolicyId}": ${REASONS[reason]} (${reason})\n`;
}

export function header(key: string, value: string): Json {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

function routeMatch({ via, headers = [] }: RouteMatch): Json {
  const way = via === 'CONNECT' ? { connect_matcher: {} } : { prefix: '/' };
  return headers.length === 0 ? way : { ...way, headers };
}
