// Routes for hosts of a pattern, before the other routes of a virtual host. Envoy compiles a pattern for each place where
// it stands, so it stands once for all routes that it leads to, and not in each of them.
import { IPV4_PATTERN, NUMERIC_PATTERN } from '../../model/address-range.ts';
import { ECH_OUTER_NAMES } from '../../model/domain-name.ts';
import { BUCKET_HOST_PATTERN, PATH_STYLE_HOST_PATTERN } from '../../model/storage-host.ts';
import { type DenyContext, deny } from './deny-routes.ts';
import { extension, type Json } from './envoy-config.ts';

export interface HostCase {
  /** RE2 on a whole lower-case host without port. */
  readonly pattern: string;
  readonly routes: readonly Json[];
}

/** The part of a virtual host that routes: by the first case that a request's host meets, else by `routes`. */
export function routing(cases: readonly HostCase[], routes: readonly Json[]): Json {
  if (cases.length === 0) return { routes };
  const matchers = cases.map(({ pattern, routes: own }) => ({
    predicate: { single_predicate: { input: AUTHORITY, value_match: hostMatches(pattern) } },
    on_match: firstOf(own),
  }));
  return { matcher: { matcher_list: { matchers }, on_no_match: firstOf(routes) } };
}

const AUTHORITY = extension('authority', 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput', {
  header_name: ':authority',
});

/** Whatever the host's case, with or without a port. */
function hostMatches(pattern: string): Json {
  return { safe_regex: { google_re2: {}, regex: `(?i)(?:${pattern})(?::[0-9]+)?` } };
}

function firstOf(routes: readonly Json[]): Json {
  return { action: extension('routes', 'envoy.config.route.v3.RouteList', { routes }) };
}

/**
 * Addresses, and hosts that some parsers take for one and others for a name. No name of a policy ends in a number, so
 * they meet no virtual host with names.
 */
export function addressCases(context: DenyContext): readonly HostCase[] {
  return [
    { pattern: `${IPV4_PATTERN}|\\[.*\\]`, routes: deny('IP_LITERAL', context) },
    { pattern: NUMERIC_PATTERN, routes: deny('BAD_NAME', context) },
  ];
}

export function echCase(context: DenyContext): HostCase {
  const names = ECH_OUTER_NAMES.map((name) => name.replaceAll('.', '\\.'));
  return { pattern: names.join('|'), routes: deny('ECH_OUTER_NAME', context) };
}

/** A storage provider's host is decided by its exact domain, or not allowed. */
export function storageCases(context: DenyContext): readonly HostCase[] {
  return [
    { pattern: PATH_STYLE_HOST_PATTERN, routes: deny('STORAGE_PATH_STYLE', context) },
    { pattern: BUCKET_HOST_PATTERN, routes: deny('BUCKET_NOT_ALLOWED', context) },
  ];
}
