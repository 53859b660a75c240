// A family: generated cases of one kind, put to a real gateway, and what must hold for each of them.
// The same seed and number give the same cases.
export interface FamilyRun {
  readonly seed: number;
  /** How many cases. */
  readonly runs: number;
}

export interface Family {
  readonly name: string;
  /** What is generated, and what must hold. */
  readonly what: string;
  /** Of `npm run attack`. */
  readonly runs: number;
  /** Of `npm test`. */
  readonly sampleRuns: number;
  run(run: FamilyRun): Promise<FamilyResult>;
}

export interface FamilyResult {
  readonly cases: number;
  /** What became of them, in words that the family chooses: "denied", "passed". */
  readonly counts: Readonly<Record<string, number>>;
  /** Empty where all holds. Each names its case so that it can be typed by hand. */
  readonly faults: readonly string[];
}
