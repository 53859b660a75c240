// The options of `suggest` that say what to look at -> numbers.
import { parseDuration } from '../../lib/duration.ts';

export interface Span {
  readonly spanMs: number;
  /** How many names below one domain become a wildcard; undefined: none. */
  readonly wildcardFrom: number | undefined;
}

export function readSpan({
  since: text,
  wildcards,
}: {
  readonly since: string;
  readonly wildcards?: string;
}): Span | { readonly error: string } {
  const since = parseDuration(text);
  if ('error' in since) return { error: `--since: ${since.error}` };
  const wildcardFrom = wildcards === undefined ? undefined : Number(wildcards);
  if (wildcardFrom !== undefined && !(Number.isSafeInteger(wildcardFrom) && wildcardFrom >= 2))
    return { error: `Cannot use --wildcards "${wildcards}": write how many names become a wildcard, from 2` };
  return { spanMs: since.durationMs, wildcardFrom };
}
