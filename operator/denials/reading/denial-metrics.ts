// Metrics of denials, for a limited number of workspaces.
import { Counter, type Registry } from 'prom-client';
import type { Denial } from '../../model/denial.ts';

/** Beyond so many series, those of further workspaces are counted together. */
const MAX_SERIES = 5000;
const OTHER_WORKSPACES = '(other)';

export type CountedDenial = Pick<Denial, 'workspace' | 'reason' | 'accessType' | 'repeats'>;

export function measureDenials(registry: Registry): (denial: CountedDenial) => void {
  const denials = new Counter({
    name: 'sallyport_denials_total',
    help: 'Connections denied, or in dry-run that would have been denied',
    labelNames: ['workspace', 'reason', 'access_type'],
    registers: [registry],
  });
  const series = new Set<string>();
  return ({ workspace, reason, accessType, repeats }) => {
    const key = JSON.stringify([workspace, reason, accessType]);
    const isOwn = series.has(key) || series.size < MAX_SERIES;
    if (isOwn) series.add(key);
    denials.inc(
      { workspace: isOwn ? workspace : OTHER_WORKSPACES, reason, access_type: accessType },
      repeats,
    );
  };
}
