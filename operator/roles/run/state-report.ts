// Shows each change once: the table of workspaces, problems, and what is held back.
import type { IngressEndpoint } from '../../gateway/ingress/ingress-endpoints.ts';
import type { Endpoints } from '../../gateway/ports/product-listeners.ts';
import { formatProblem, type Problem } from '../../model/problem.ts';
import type { DesiredOutputs } from '../../pipeline.ts';
import type { RunView } from './view.ts';

/** Two loops report; what is shown is of both. */
type Side = 'egress' | 'ingress';

export class StateReport {
  readonly #view: RunView;
  readonly #problemsOf = new Map<Side, readonly Problem[]>();
  readonly #heldBackOf = new Map<Side, readonly string[]>();
  #problems: ReadonlyMap<string, Problem> = new Map();
  #endpoints = '';
  #ingress = '[]';
  #revisions: ReadonlySet<string> = new Set();
  #heldBack = '';

  constructor(view: RunView) {
    this.#view = view;
  }

  problems(problems: readonly Problem[], side: Side = 'egress'): void {
    this.#problemsOf.set(side, problems);
    const all = new Map(
      [...this.#problemsOf.values()].flat().map((problem) => [keyOfProblem(problem), problem]),
    );
    const before = this.#problems;
    const solved = [...before].flatMap(([key, problem]) => (all.has(key) ? [] : [problem]));
    const added = [...all].flatMap(([key, problem]) => (before.has(key) ? [] : [problem]));
    this.#problems = all;
    if (solved.length > 0 && all.size === 0) this.#view.progress('All problems are solved');
    else for (const problem of solved) this.#view.progress(`Solved  ${formatProblem(problem)}`);
    this.#view.problems(added, [...all.values()]);
  }

  /** `isInForce`: whether a table is in force, by name. */
  applied(outputs: DesiredOutputs, endpoints: Endpoints, isInForce: (table: string) => boolean): void {
    const shown = JSON.stringify(endpoints.workspaces);
    const revisions = outputs.tables
      .filter(({ metadata }) => isInForce(metadata.name))
      .map(({ metadata, spec }) => `${metadata.name} ${spec.revision}`);
    const changed = revisions.filter((revision) => !this.#revisions.has(revision));
    if (shown !== this.#endpoints) this.#view.workspaces(outputs.plans, endpoints);
    else if (changed.length > 0) this.#view.progress(`Enforced: ${changed.join(', ')}`);
    this.#endpoints = shown;
    this.#revisions = new Set(revisions);
  }

  ingress(endpoints: readonly IngressEndpoint[]): void {
    const text = JSON.stringify(endpoints);
    if (text === this.#ingress) return;
    this.#ingress = text;
    this.#view.ingress(endpoints);
  }

  /** A sentence for each thing that is held back. */
  heldBack(sentences: readonly string[], side: Side = 'egress'): void {
    this.#heldBackOf.set(side, sentences);
    const all = [...this.#heldBackOf.values()].flat();
    const text = all.join('\n');
    if (text === this.#heldBack) return;
    this.#heldBack = text;
    this.#view.heldBack(all);
  }
}

/** The same problem of an object may stand on another line after an edit. */
function keyOfProblem(problem: Problem): string {
  if (problem.object === undefined) return formatProblem(problem);
  const { line: _, ...rest } = problem;
  return formatProblem(rest);
}
