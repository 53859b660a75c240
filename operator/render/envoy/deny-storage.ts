// Denies hosts by pattern, whatever a table says of names above them: a storage provider's hosts of buckets and
// accounts. Patterns that are longer than Envoy takes become several routes.
import { BUCKET_HOST_PATTERNS, PATH_STYLE_HOST_PATTERNS } from '../../model/storage-host.ts';
import { type DenyContext, deny, hostMatches } from './deny-routes.ts';
import type { Json } from './envoy-config.ts';

/** Envoy takes no program of RE2 above 1,000 instructions, which are about half as many as characters. */
const LONGEST_PATTERN = 1000;

/** One pattern for all alternatives, or a few where one would be too long for Envoy. */
function patternsOf(alternatives: readonly string[]): readonly string[] {
  return alternatives.reduce<readonly string[]>((patterns, next) => {
    const joined = `${patterns.at(-1)}|${next}`;
    const fits = patterns.length > 0 && joined.length <= LONGEST_PATTERN;
    return fits ? [...patterns.slice(0, -1), joined] : [...patterns, next];
  }, []);
}

export function escapeDots(text: string): string {
  return text.replaceAll('.', '\\.');
}

const PATH_STYLE_HOSTS = patternsOf(PATH_STYLE_HOST_PATTERNS);
const BUCKET_HOSTS = patternsOf(BUCKET_HOST_PATTERNS);

/** A storage provider's host is decided by its exact domain, or not allowed. */
export function denyStorage(context: DenyContext): readonly Json[] {
  return [
    ...PATH_STYLE_HOSTS.flatMap((hosts) => deny('STORAGE_PATH_STYLE', context, [hostMatches(hosts)])),
    ...BUCKET_HOSTS.flatMap((hosts) => deny('BUCKET_NOT_ALLOWED', context, [hostMatches(hosts)])),
  ];
}
