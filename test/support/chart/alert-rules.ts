// The alerts of the chart, as Prometheus reads them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { CHART } from './helm.ts';

interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** The second one is part of the release only where there is a collector. */
export const RULE_FILES: readonly string[] = ['rules.yaml', 'collector-rules.yaml'].map((name) =>
  join(CHART, 'files', name),
);

export function alertRules(): readonly AlertRule[] {
  return RULE_FILES.flatMap((file) => {
    const { groups } = load(readFileSync(file, 'utf8')) as {
      readonly groups: readonly { readonly rules: readonly AlertRule[] }[];
    };
    return groups.flatMap(({ rules }) => rules);
  });
}
