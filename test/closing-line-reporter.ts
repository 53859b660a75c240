// A jest reporter. In: jest's totals. Out: "N passed, N failed, N skipped" as the last line of standard output,
// or the three numbers in the file that CLOSING_COUNTS_FILE names, for hack/test.sh to add its own and print.
import { writeFileSync, writeSync } from 'node:fs';

const STANDARD_OUTPUT = 1;

/** The part of jest's AggregatedResult that counts. */
export interface Totals {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Files that could not be run; their tests are in no other number. */
  readonly numRuntimeErrorTestSuites: number;
  /** A run that was stopped before its end is no success. */
  readonly wasInterrupted: boolean;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A file that could not be run counts as one failed test, and so does an interruption. */
export function countsOf(totals: Totals): Counts {
  return {
    passed: totals.numPassedTests,
    failed: totals.numFailedTests + totals.numRuntimeErrorTestSuites + (totals.wasInterrupted ? 1 : 0),
    skipped: totals.numPendingTests + totals.numTodoTests,
  };
}

export function closingLine(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** Made by jest, which asks for a class. It prints when the process ends, since jest's own summary comes later. */
export default class ClosingLineReporter {
  onRunComplete(_contexts: unknown, totals: Totals): void {
    const counts = countsOf(totals);
    const file = process.env['CLOSING_COUNTS_FILE'];
    if (file === undefined) {
      process.once('exit', () => writeSync(STANDARD_OUTPUT, `${closingLine(counts)}\n`));
    } else {
      writeFileSync(file, `${counts.passed} ${counts.failed} ${counts.skipped}\n`);
    }
  }
}
