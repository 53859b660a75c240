// A counter whose series are bounded, whatever its labels hold: beyond so many, those of further workspaces are counted
// together. Prometheus keeps a series for hours after its last sample, and people make workspaces.
import { Counter, type Registry } from 'prom-client';

export const MAX_SERIES = 5000;
export const OTHER_WORKSPACES = '(other)';

export interface BoundedCounterOptions {
  readonly name: string;
  readonly help: string;
  /** Besides "workspace": of few values each. */
  readonly labelNames: readonly string[];
}

/** Values are in the order of the names. */
export type CountWorkspace = (workspace: string, values: readonly string[], denials: number) => void;

export function boundedCounter(
  registry: Registry,
  { name, help, labelNames }: BoundedCounterOptions,
): CountWorkspace {
  const counter = new Counter({
    ...{ name, help },
    labelNames: ['workspace', ...labelNames],
    registers: [registry],
  });
  const series = new Map<string, Counter.Internal>();
  return (workspace, values, denials) => {
    const key = JSON.stringify([workspace, ...values]);
    const known = series.get(key);
    if (known !== undefined) return known.inc(denials);
    if (series.size >= MAX_SERIES) return counter.labels(OTHER_WORKSPACES, ...values).inc(denials);
    const made = counter.labels(workspace, ...values);
    series.set(key, made);
    return made.inc(denials);
  };
}
