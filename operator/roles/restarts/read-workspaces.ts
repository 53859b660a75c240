// Namespaces -> the workspaces among them with their pods, and which lane each product has now, with the rights of a person.
// Lanes are those that admission gives to new pods: annotations of the Namespace, which whoever works there may read.
import { type WorkspaceLanes, workspaceLanes } from '../../compile/stale-pods.ts';
import type { KubernetesMeta, KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { NAMESPACES, PODS, WORKSPACE_PLANS } from '../../model/cluster-resources.ts';
import type { StampedPod } from '../../model/cluster-state.ts';
import { isKnownLane, type Lane } from '../../model/lane.ts';
import { parseWorkspacePlan } from '../../model/parse-compiled.ts';
import { DEFAULT_LANE_ANNOTATION, LANE_LABEL, STAMP_ANNOTATION } from '../../model/stamp.ts';
import { workspaceOf } from '../../model/workspace.ts';
import { stampedPodOf } from '../../sources/kubernetes/trim.ts';
import { readAllCompiled, readCompiled } from '../shared/compiled-objects.ts';
import { type PersonApi, readAll, readOne } from '../shared/person-access.ts';

export interface ReadWorkspace {
  readonly name: string;
  readonly lanes: WorkspaceLanes;
  readonly pods: readonly StampedPod[];
  /** The same as the API server has them. */
  readonly objects: readonly KubernetesObject[];
}

/** When the lane of a product last changed, by workspace, in epoch milliseconds. */
export type LaneTimes = ReadonlyMap<string, WorkspaceLanes['sinceMs']>;

/** Throws where it is no workspace, where no pod may start in it, or where it cannot be read. */
export async function readWorkspace(
  api: PersonApi,
  name: string,
  times: LaneTimes = new Map(),
): Promise<ReadWorkspace> {
  const found = (await readOne(api, NAMESPACES, { name })) as KubernetesObject | undefined;
  if (found === undefined)
    throw new Error(`Cannot find Namespace "${name}": name a workspace with -n, or see all with -A`);
  if (workspaceOf(found.metadata) === undefined)
    throw new Error(
      `Cannot find what must restart in Namespace "${name}": it is no workspace of Sallyport, so nothing there is restricted by it; name a workspace with -n`,
    );
  const lanes = lanesOf(found.metadata, times);
  if (lanes === undefined) throw new Error(unready(name));
  const objects = await readPods(api, name);
  return { name, lanes, objects, pods: stampedPods(objects) };
}

/** Of the whole cluster, with a note for each where no pod may start yet. */
export async function readAllWorkspaces(
  api: PersonApi,
  times: LaneTimes,
): Promise<{ readonly workspaces: readonly ReadWorkspace[]; readonly notes: readonly string[] }> {
  const namespaces = (await readAll(api, NAMESPACES)) as readonly KubernetesObject[];
  const metas = namespaces
    .map(({ metadata }) => metadata)
    .filter((metadata) => workspaceOf(metadata) !== undefined);
  const objectsIn = Map.groupBy(await readPods(api), ({ metadata }) => metadata.namespace);
  const notes: string[] = [];
  const workspaces = metas.flatMap((metadata): readonly ReadWorkspace[] => {
    const { name } = metadata;
    const lanes = lanesOf(metadata, times);
    if (lanes === undefined) notes.push(unready(name));
    const objects = objectsIn.get(name) ?? [];
    return lanes === undefined ? [] : [{ name, lanes, objects, pods: stampedPods(objects) }];
  });
  return { workspaces, notes };
}

/** Of one workspace, or of all. Throws where they cannot be read. */
export async function readLaneTimes(
  api: PersonApi,
  namespace: string,
  workspace: string | undefined,
): Promise<LaneTimes> {
  const kind = { resource: WORKSPACE_PLANS, namespace, parse: parseWorkspacePlan };
  const plans =
    workspace === undefined
      ? await readAllCompiled(api, kind)
      : [await readCompiled(api, kind, workspace)].filter((plan) => plan !== undefined);
  return new Map(plans.map((plan) => [plan.metadata.name, workspaceLanes(plan, undefined).sinceMs]));
}

async function readPods(api: PersonApi, namespace?: string): Promise<readonly KubernetesObject[]> {
  const place = namespace === undefined ? {} : { namespace };
  return (await readAll(api, PODS, { ...place, labelSelector: LANE_LABEL })) as readonly KubernetesObject[];
}

function stampedPods(objects: readonly KubernetesObject[]): readonly StampedPod[] {
  return objects.flatMap((object) => stampedPodOf(object) ?? []);
}

function unready(name: string): string {
  return `Cannot say what must restart in Namespace "${name}": the workspace is not ready, and no pod may start there until it is; see "kubectl sallyport status -n ${name}"`;
}

/** Undefined where the operator has not said them yet: no pod may start there. */
function lanesOf({ name, annotations = {} }: KubernetesMeta, times: LaneTimes): WorkspaceLanes | undefined {
  const stamp = annotations[STAMP_ANNOTATION];
  if (stamp === undefined || annotations[DEFAULT_LANE_ANNOTATION] === undefined) return undefined;
  const ofProduct = `${DEFAULT_LANE_ANNOTATION}.`;
  const lanes = new Map<string, Lane>();
  for (const [key, lane] of Object.entries(annotations)) {
    if (key !== DEFAULT_LANE_ANNOTATION && !key.startsWith(ofProduct)) continue;
    if (!isKnownLane(lane))
      throw new Error(
        `Cannot read annotation ${key} of Namespace "${name}": lane "${lane}" is not known here; use the plugin of the version that is installed`,
      );
    lanes.set(key === DEFAULT_LANE_ANNOTATION ? 'GENERAL' : key.slice(ofProduct.length), lane);
  }
  return { lanes, stamp, sinceMs: times.get(name) };
}
