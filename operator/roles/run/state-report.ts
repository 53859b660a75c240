// Shows each change once: the table of workspaces, problems, and what is held back.
import type { Endpoints } from '../../gateway/ports/product-listeners.ts';
import { formatProblem, type Problem } from '../../model/problem.ts';
import type { DesiredOutputs } from '../../pipeline.ts';
import type { RunView } from './view.ts';

export class StateReport {
  readonly #view: RunView;
  #problems = '';
  #endpoints = '';
  #revisions: ReadonlySet<string> = new Set();
  #heldBack = '';

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

  /** `isInForce`: whether a table is in force, by name. */
  applied(outputs: DesiredOutputs, endpoints: Endpoints, isInForce: (table: string) => boolean): void {
    const shown = JSON.stringify(endpoints);
    const revisions = outputs.tables
      .filter(({ metadata }) => isInForce(metadata.name))
      .map(({ metadata, spec }) => `${metadata.name} ${spec.revision}`);
    const changed = revisions.filter((revision) => !this.#revisions.has(revision));
    if (shown !== this.#endpoints) this.#view.workspaces(outputs.plans, endpoints);
    else if (changed.length > 0) this.#view.progress(`Enforced: ${changed.join(', ')}`);
    this.#endpoints = shown;
    this.#revisions = new Set(revisions);
  }

  /** A sentence for each thing that is held back. */
  heldBack(sentences: readonly string[]): void {
    const text = sentences.join('\n');
    if (text === this.#heldBack) return;
    this.#heldBack = text;
    this.#view.heldBack(sentences);
  }
}
