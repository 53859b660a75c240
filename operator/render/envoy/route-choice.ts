// Which route Envoy takes, by its documented rules, read from a rendered RouteConfiguration: the virtual host of the
// exact domain, else of the longest "*.suffix", else "*"; in it the first route that matches. For tests; no product
// code imports it, and it knows nothing of tables.
import { z } from 'zod';
import type { Json } from './envoy-config.ts';

export interface RouteRequest {
  readonly isConnect: boolean;
  /** Lower case, with or without a port. */
  readonly authority: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RouteChoice {
  readonly name: string;
  /** Undefined where Envoy answers by itself. */
  readonly cluster: string | undefined;
}

const stringMatch = z.union([
  z.strictObject({ exact: z.string() }),
  z.strictObject({ suffix: z.string() }),
  z.strictObject({ safe_regex: z.strictObject({ regex: z.string() }) }),
]);

const routeSchema = z.object({
  name: z.string(),
  match: z.strictObject({
    prefix: z.literal('/').optional(),
    connect_matcher: z.strictObject({}).optional(),
    headers: z.array(z.strictObject({ name: z.string(), string_match: stringMatch })).optional(),
  }),
  route: z.object({ cluster: z.string() }).optional(),
  direct_response: z.object({ status: z.number() }).optional(),
});

const configurationSchema = z.object({
  virtual_hosts: z.array(
    z.object({ name: z.string(), domains: z.array(z.string()), routes: z.array(routeSchema) }),
  ),
});

type RouteConfiguration = z.infer<typeof configurationSchema>;
type VirtualHost = RouteConfiguration['virtual_hosts'][number];
type HeaderMatch = NonNullable<z.infer<typeof routeSchema>['match']['headers']>[number];

/** Throws where the configuration has a form that this does not know, or that Envoy would reject. */
export function routeChooser(body: Json): (request: RouteRequest) => RouteChoice | undefined {
  const { virtual_hosts: hosts } = configurationSchema.parse(body);
  const byDomain = new Map(hosts.flatMap((host) => host.domains.map((domain) => [domain, host] as const)));
  if (byDomain.size !== hosts.flatMap(({ domains }) => domains).length)
    throw new Error('A domain stands twice');
  return (request) => {
    const host = hostFor(byDomain, request.authority.replace(/:[0-9]+$/, ''));
    const route = host?.routes.find(({ match }) => matches(match, request));
    return route === undefined ? undefined : { name: route.name, cluster: route.route?.cluster };
  };
}

function hostFor(byDomain: ReadonlyMap<string, VirtualHost>, name: string): VirtualHost | undefined {
  const suffixes = [...byDomain.keys()].filter(
    (domain) => domain.startsWith('*.') && name.endsWith(domain.slice(1)),
  );
  const [longest] = suffixes.toSorted((a, b) => b.length - a.length);
  return byDomain.get(name) ?? byDomain.get(longest ?? '*');
}

function matches(match: VirtualHost['routes'][number]['match'], request: RouteRequest): boolean {
  const isForIt = (match.connect_matcher !== undefined) === request.isConnect;
  return isForIt && (match.headers ?? []).every((header) => headerMatches(header, request));
}

function headerMatches({ name, string_match: match }: HeaderMatch, request: RouteRequest): boolean {
  const value = name === ':authority' ? request.authority : request.headers[name];
  if (value === undefined) return false;
  if ('exact' in match) return value === match.exact;
  if ('suffix' in match) return value.endsWith(match.suffix);
  // Envoy's regular expressions match the whole value; "(?i)" in front is RE2's, a flag for JavaScript.
  const { regex } = match.safe_regex;
  const text = regex.replace(/^\(\?i\)/, '');
  return new RegExp(`^(?:${text})$`, text === regex ? '' : 'i').test(value);
}
