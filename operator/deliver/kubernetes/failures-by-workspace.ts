// Which workspace a failed write belongs to, by the label or the kind of the object; a table belongs to every workspace
// that uses it.
import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';
import { EGRESS_TABLES, NAMESPACES, PODS } from '../../model/cluster-resources.ts';
import type { ClusterState } from '../../model/cluster-state.ts';
import { STAMP_ANNOTATION } from '../../model/stamp.ts';
import { WORKSPACE_NAME_LABEL } from '../../model/system-names.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { WriteFailures } from './object-writer.ts';
import { PodRefused } from './pod-write-memory.ts';

/** By workspace: its first object that could not be written. Objects of no workspace are left out. */
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

/** By workspace: whether pods may start there, or what it waits for. */
export function stampedWorkspaces(
  { namespaces }: ClusterState,
  plans: readonly WorkspacePlan[],
  failed: WriteFailures,
): ReadonlyMap<string, true | string> {
  const stamped = new Set(
    namespaces
      .filter(({ annotations }) => annotations?.[STAMP_ANNOTATION] !== undefined)
      .map(({ name }) => name),
  );
  const failures = failuresByWorkspace(failed, plans);
  const faultOf = (workspace: string): string => {
    const failure = failures.get(workspace);
    return failure === undefined
      ? 'Its isolation is being created'
      : `Its isolation could not be created: ${objectKey(failure.item)}: ${failure.error.message}`;
  };
  return new Map(
    plans.map(({ metadata: { name } }) => [name, stamped.has(name) ? true : faultOf(name)] as const),
  );
}

/** By workspace: its first pod that keeps a lane that it should not have, with why, for people. */
export function refusedPods(failed: WriteFailures): ReadonlyMap<string, string> {
  const refused = failed.flatMap(({ item: { metadata }, error }) =>
    error instanceof PodRefused
      ? [[metadata.namespace ?? '', `Cannot give pod "${metadata.name}" its lane: ${error.message}`] as const]
      : [],
  );
  return new Map(refused.toReversed());
}
