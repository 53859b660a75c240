// Runs families one after the other, since each needs the whole machine for its gateway.
import type { Family } from './family.ts';
import type { FamilyReport } from './format-families.ts';

/** `runs`: for each, instead of its own number. */
export async function runFamilies(
  families: readonly Family[],
  { seed, runs }: { readonly seed: number; readonly runs: number | undefined },
  onReport: (report: FamilyReport) => void,
): Promise<readonly FamilyReport[]> {
  const reports: FamilyReport[] = [];
  for (const family of families) {
    const startedAtMs = performance.now();
    const wanted = runs ?? family.runs;
    const result = await family.run({ seed, runs: wanted });
    const seconds = (performance.now() - startedAtMs) / 1000;
    const report = { ...result, name: family.name, what: family.what, runs: wanted, seconds };
    reports.push(report);
    onReport(report);
  }
  return reports;
}
