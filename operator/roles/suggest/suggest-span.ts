// The options of `suggest` that say what to look at -> values, and what is part of the change.
import { parseWildcardZone } from '../../compile/suggest/merge-hosts.ts';
import { parseDuration } from '../../lib/duration.ts';

export interface Span {
  readonly spanMs: number;
  /** Names directly below these become a wildcard. */
  readonly wildcardZones: readonly string[];
  /** Entries for what was asked less often are left out. */
  readonly minCount: number;
  /** Whether entries for what an enforced policy denied are part of the change. */
  readonly includesDenied: boolean;
}

export function faultOfApply({
  apply,
  yes,
  output,
}: {
  readonly apply?: boolean;
  readonly yes?: boolean;
  readonly output: string;
}): string | undefined {
  if (yes === true && apply !== true) return 'Cannot use --yes alone: it answers the question of --apply';
  if (apply === true && output !== 'table')
    return `Cannot use --apply with -o ${output}: leave one of them out`;
  return undefined;
}

export function readSpan({
  since: text,
  wildcards = '',
  minCount: times = '1',
  include,
}: {
  readonly since: string;
  readonly wildcards?: string;
  readonly minCount?: string;
  readonly include?: 'denied';
}): Span | { readonly error: string } {
  const since = parseDuration(text);
  if ('error' in since) return { error: `--since: ${since.error}` };
  const minCount = Number(times);
  if (!(Number.isSafeInteger(minCount) && minCount >= 1))
    return {
      error: `Cannot use --min-count "${times}": write how often a destination must have been asked for, from 1`,
    };
  const zones = wildcards.split(',').filter((zone) => zone !== '');
  if (zones.some((zone) => /^\d+$/.test(zone)))
    return {
      error: `Cannot use --wildcards "${wildcards}": name the zones below which you trust every name, for example data.example.com`,
    };
  const parsed = zones.map(parseWildcardZone);
  const faulty = parsed.find((one) => 'fault' in one);
  if (faulty !== undefined) return { error: `--wildcards: ${faulty.fault}` };
  return {
    ...{ spanMs: since.durationMs, minCount },
    wildcardZones: parsed.flatMap((one) => ('zone' in one ? [one.zone] : [])),
    includesDenied: include === 'denied',
  };
}
