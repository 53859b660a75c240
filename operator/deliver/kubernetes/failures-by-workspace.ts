// Whose a failed write is. An object says so itself: by its label, or its kind; a table is of every workspace under it.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { EGRESS_TABLES, NAMESPACES, PODS } from '../../model/cluster-resources.ts';
import { WORKSPACE_NAME_LABEL } from '../../model/system-names.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { WriteFailures } from './object-writer.ts';

/** By workspace: the first thing of its own that could not be written. What is nobody's alone is left out. */
export function failuresByWorkspace(
  failures: WriteFailures,
  plans: readonly WorkspacePlan[],
): ReadonlyMap<string, WriteFailures[number]> {
  const owned = failures.flatMap((failure) =>
    workspacesOf(failure.item, plans).map((workspace) => [workspace, failure] as const),
  );
  return new Map(owned.toReversed());
}

function workspacesOf(
  { kind, metadata: { name, namespace, labels } }: Pick<KubernetesObject, 'kind' | 'metadata'>,
  plans: readonly WorkspacePlan[],
): readonly string[] {
  if (kind === EGRESS_TABLES.kind)
    return plans.filter(({ spec }) => spec.table === name).map(({ metadata }) => metadata.name);
  if (kind === NAMESPACES.kind) return [name];
  const owner = kind === PODS.kind ? namespace : labels?.[WORKSPACE_NAME_LABEL];
  return owner === undefined ? [] : [owner];
}
