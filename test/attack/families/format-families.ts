// Results of the families -> the table that `npm run attack` prints, and the failures, each with its seed.
import Table from 'cli-table3';
import type { FamilyResult } from './family.ts';

export interface FamilyReport extends FamilyResult {
  readonly name: string;
  readonly what: string;
  readonly runs: number;
  readonly seconds: number;
}

export function formatFamilies(reports: readonly FamilyReport[], seed: number): string {
  const table = new Table({
    head: ['family', 'generated', 'cases', 'what became of them', 'seconds', 'ok'],
    style: { head: [], border: [] },
  });
  for (const { name, what, cases, counts, seconds, faults } of reports) {
    const became = Object.entries(counts).map(([word, count]) => `${count} ${word}`);
    table.push([
      name,
      what,
      `${cases}`,
      became.join(', '),
      seconds.toFixed(),
      faults.length === 0 ? 'ok' : 'NOT OK',
    ]);
  }
  const failed = reports.filter(({ faults }) => faults.length > 0);
  const cases = reports.reduce((sum, report) => sum + report.cases, 0);
  return [
    table.toString(),
    ...failed.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`)),
    ...failed.map(
      ({ name, runs }) => `Again: npm run attack -- --seed ${seed} --family ${name} --runs ${runs}`,
    ),
    `${cases} generated cases in ${reports.length} families, seed ${seed}: ${failed.length} families not as wanted`,
  ].join('\n');
}
