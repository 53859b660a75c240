// Results of a benchmark and their output: plain tables for people, the same figures as JSON for programs.
import { formatTable } from '../../operator/lib/text-table.ts';

export interface BenchTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A wish with what became of it; a promise that is broken ends the program with status 1. */
export interface Target {
  readonly kind: 'wish' | 'promise';
  readonly text: string;
  readonly found: string;
  readonly isMet: boolean;
}

export interface BenchReport {
  readonly tables: readonly BenchTable[];
  readonly targets: readonly Target[];
  /** For programs: plain data with units in its names. */
  readonly figures: Readonly<Record<string, unknown>>;
}

export interface Bench {
  /** One line for the list of benchmarks. */
  readonly description: string;
  /** `work` is a directory that is deleted afterwards; `say` prints the progress. */
  readonly run: (settings: BenchSettings) => Promise<BenchReport>;
}

/** Of benchmarks that say so. */
export interface BenchLoad {
  readonly seconds?: number;
  readonly rate?: number;
  readonly outage?: number;
  readonly rows?: number;
}

export interface BenchSettings {
  readonly work: string;
  readonly say: (text: string) => void;
  /** A tenth of everything, to see whether it works. */
  readonly isQuick: boolean;
  readonly load: BenchLoad;
}

export function formatReport({ tables, targets }: BenchReport): string {
  const parts = tables.map(({ title, head, rows }) => [title, ...formatTable([head, ...rows])].join('\n'));
  const verdicts = targets.map(({ kind, text, found, isMet }) => [verdict(kind, isMet), text, found]);
  const last = verdicts.length === 0 ? [] : [formatTable([['TARGET', '', 'FOUND'], ...verdicts]).join('\n')];
  return [...parts, ...last].join('\n\n');
}

/** Several as one; figures are by the name of each. */
export function joined(reports: Readonly<Record<string, BenchReport>>): BenchReport {
  const all = Object.entries(reports);
  return {
    tables: all.flatMap(([, { tables }]) => tables),
    targets: all.flatMap(([, { targets }]) => targets),
    figures: Object.fromEntries(all.map(([name, { figures }]) => [name, figures])),
  };
}

function verdict(kind: Target['kind'], isMet: boolean): string {
  if (isMet) return kind === 'promise' ? 'kept' : 'met';
  return kind === 'promise' ? 'BROKEN' : 'missed';
}

/** 1234.5678 -> "1235", 12.345 -> "12.3", 0.98765 -> "0.988"; "-" for what could not be measured. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}
