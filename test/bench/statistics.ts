// Medians and percentiles of measured numbers. Pure; an empty list gives NaN, which a table shows as a dash.
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Linear between the two neighbours; `percent` from 0 to 100. */
export function percentile(values: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** Half the distance between the quartiles as a share of the median: how noisy a series was. */
export function spread(values: readonly number[]): number {
  return (percentile(values, 75) - percentile(values, 25)) / 2 / median(values);
}

/** Element by element. */
export function ratios(numerators: readonly number[], denominators: readonly number[]): readonly number[] {
  return numerators.map((numerator, at) => numerator / (denominators[at] ?? Number.NaN));
}
