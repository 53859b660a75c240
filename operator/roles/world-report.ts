// Tells people what changed, once: the table of workspaces when it differs from the last one shown, problems when
// they differ, and what Envoy refused.
import { formatProblem, type Problem } from '../model/problem.ts';
import type { DesiredOutputs } from '../pipeline.ts';
import type { Endpoints } from './entrances.ts';
import type { RunView } from './run-view.ts';

export class WorldReport {
  readonly #view: RunView;
  #problems = '';
  #endpoints = '';
  #revisions: ReadonlySet<string> = new Set();
  #refusal = '';

  constructor(view: RunView) {
    this.#view = view;
  }

  problems(problems: readonly Problem[]): void {
    const text = problems.map(formatProblem).join('\n');
    if (text === this.#problems) return;
    if (text === '') this.#view.progress('All problems are solved');
    this.#problems = text;
    this.#view.problems(problems);
  }

  /** `cause` says why Envoy did not take the configuration; empty where it did. */
  applied(outputs: DesiredOutputs, endpoints: Endpoints, cause: string): void {
    const refusal =
      cause === '' ? '' : `Envoy did not take the configuration, the last good one stays: ${cause}`;
    if (refusal !== '' && refusal !== this.#refusal) this.#view.failure(refusal);
    this.#refusal = refusal;
    if (refusal === '') this.#show(outputs, endpoints);
  }

  #show(outputs: DesiredOutputs, endpoints: Endpoints): void {
    const shown = JSON.stringify(endpoints);
    const revisions = outputs.tables.map(({ metadata, spec }) => `${metadata.name} ${spec.revision}`);
    const changed = revisions.filter((revision) => !this.#revisions.has(revision));
    if (shown !== this.#endpoints) this.#view.workspaces(outputs.plans, endpoints);
    else if (changed.length > 0) this.#view.progress(`Enforced: ${changed.join(', ')}`);
    this.#endpoints = shown;
    this.#revisions = new Set(revisions);
  }
}
