// Before any route: an authority that is not one name or address with at most one port is denied, in every lane. The
// filter stands in each egress listener and its rule in each route table, for all requests that its routes decide: Envoy
// compiles a pattern for each place where it stands, and there are more listeners than tables.
import { AUTHORITY_RULE } from '../../model/access-log-line.ts';
import { AUTHORITY_PATTERN, TOO_LONG_PATTERN } from '../../model/authority.ts';
import { extension, type Json, typed } from './envoy-config.ts';

/**
 * Of no other filter: what a route table has under a name goes to all filters of that name, upstream too, and would take
 * the place of the address guard's rule there.
 */
const NAME = 'sallyport.authority';

/** Lets nothing through by itself: under a route table without the rule, from another version of ours, all is denied. */
export const AUTHORITY_FILTER = extension(NAME, 'envoy.extensions.filters.http.rbac.v3.RBAC', {
  rules: { action: 'ALLOW' },
});

/** For a whole route table. Requests without a route, "OPTIONS *", are denied before any filter. */
export function authorityRule(): Json {
  return {
    [NAME]: typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', {
      rbac: { rules: UNREADABLE_RULES },
    }),
  };
}

const UNREADABLE: readonly Json[] = [
  authority({
    string_match: { safe_regex: { regex: AUTHORITY_PATTERN } },
    invert_match: true,
    // An absent authority is denied, too.
    treat_missing_header_as_empty: true,
  }),
  authority({ string_match: { safe_regex: { regex: TOO_LONG_PATTERN } } }),
];

const UNREADABLE_RULES: Json = {
  action: 'DENY',
  policies: {
    [AUTHORITY_RULE]: {
      permissions: [{ or_rules: { rules: UNREADABLE } }],
      principals: [{ any: true }],
    },
  },
};

function authority(matcher: Json): Json {
  return { header: { name: ':authority', ...matcher } };
}
