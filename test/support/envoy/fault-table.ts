// What a probe counted by fault, as a table for people.
import type { FaultCounts } from './fault-probe.ts';

const COLUMNS = ['probes', 'forbidden', 'lost', 'withoutEnvoy', 'stoodStill', 'probeStoodStill'] as const;

export class FaultTable {
  readonly #rows: (FaultCounts & { readonly fault: string })[] = [];

  add(fault: string, counts: FaultCounts): void {
    this.#rows.push({ fault, ...counts });
  }

  get text(): string {
    const faults = [...new Set(this.#rows.map(({ fault }) => fault))];
    const rows = faults.map((fault) => {
      const of = this.#rows.filter((row) => row.fault === fault);
      const sums = COLUMNS.map((what) => of.reduce((total, row) => total + row[what], 0));
      return `| ${[fault, of.length, ...sums].join(' | ')} |`;
    });
    return [
      '| fault | times | probes | forbidden | lost | lost while no Envoy ran | cut after Envoy stood still | or the probe |',
      ...rows,
      '',
    ].join('\n');
  }
}
