// Before any route: a request whose authority is not one name or address with at most one port is denied, in every
// lane. So routes see unambiguous hosts only.
import { AUTHORITY_RULE } from '../../model/access-log-line.ts';
import { AUTHORITY_PATTERN, TOO_LONG_PATTERN } from '../../model/authority.ts';
import { extension, type Json } from './envoy-config.ts';

/** The very same object each time. */
export function authorityFilter(): Json {
  return FILTER;
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

const FILTER = extension('envoy.filters.http.rbac', 'envoy.extensions.filters.http.rbac.v3.RBAC', {
  rules: {
    action: 'DENY',
    policies: {
      [AUTHORITY_RULE]: {
        permissions: [{ or_rules: { rules: UNREADABLE } }],
        principals: [{ any: true }],
      },
    },
  },
});

function authority(matcher: Json): Json {
  return { header: { name: ':authority', ...matcher } };
}
