// compiled.yaml of a case: what in.yaml compiles to, short enough to be read in a review.
// In: a compiled snapshot. Out: text, the same for the same snapshot. hack/generate-cases.ts writes it.
import { dump } from 'js-yaml';
import type { CompiledSnapshot } from '../../operator/compile/plans.ts';
import { formatProblem } from '../../operator/model/problem.ts';
import type { ProductLane, WorkspacePlan } from '../../operator/model/workspace-plan.ts';

const HEADING =
  '# Generated from in.yaml by hack/generate-cases.ts; look at the difference, never edit it.\n';
const WIDTH = 110;

export function compiledFile(compiled: CompiledSnapshot): string {
  const content = {
    plans: compiled.plans.map(shortPlan),
    tables: compiled.tables.map(({ metadata, spec }) => ({ name: metadata.name, ...spec })),
    problems: compiled.problems.map(formatProblem),
  };
  return HEADING + dump(content, { lineWidth: WIDTH, noRefs: true, flowLevel: 5 });
}

function shortPlan({ metadata, spec }: WorkspacePlan): object {
  const { products, ...rest } = spec;
  return { name: metadata.name, ...rest, lanes: productsByLane(products) };
}

/** Lane -> its products: shorter than the list, and what differs between workspaces shows. */
function productsByLane(products: readonly ProductLane[]): object {
  const lanes = Map.groupBy(products, ({ lane }) => lane);
  return Object.fromEntries(
    [...lanes].map(([lane, entries]) => [lane, entries.map(({ product }) => product).join(' ')]),
  );
}
