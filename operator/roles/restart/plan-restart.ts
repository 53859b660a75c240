// The action of a kind of workload, and the object as it is now -> the requests that restart it, or why nothing is done. No
// I/O: what is shown before, what a dry run sends and what is carried out are the same.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import {
  type MergePatch,
  RESTARTED_AT_ANNOTATION,
  type RestartAction,
} from '../../model/restart-procedure.ts';

export type PlannedRestart =
  | { readonly kind: 'patch'; readonly patch: MergePatch }
  | { readonly kind: 'stopAndStart'; readonly stop: MergePatch; readonly start: MergePatch }
  | { readonly kind: 'deletePods' }
  | { readonly kind: 'none'; readonly why: string };

/** `object`: undefined where the action needs none. */
export function planRestart(
  action: RestartAction,
  object: KubernetesObject | undefined,
  atMs: number,
): PlannedRestart {
  if (action.kind === 'annotateTemplate') return planRollout(action.annotations, object, atMs);
  if (action.kind !== 'stopAndStart' || object === undefined || !isStopped(object, action)) return action;
  return { kind: 'none', why: 'it is stopped already, and has the lane of now once somebody starts it' };
}

function planRollout(
  places: readonly (readonly string[])[],
  object: KubernetesObject | undefined,
  atMs: number,
): PlannedRestart {
  const { paused, updateStrategy } = (object?.['spec'] ?? {}) as TemplatedSpec;
  // Its controller would make no new pods, and make them later when nobody expects it.
  if (paused === true)
    return { kind: 'none', why: 'its rollout is paused: resume it with "kubectl rollout resume" first' };
  if (updateStrategy?.type === 'OnDelete') return { kind: 'deletePods' };
  return { kind: 'patch', patch: annotatedTemplates(places, object, atMs) };
}

interface TemplatedSpec {
  readonly paused?: boolean;
  readonly updateStrategy?: { readonly type?: string };
}

/** Every workload of the kind has the first; the others are annotated where they are there. */
function annotatedTemplates(
  places: readonly (readonly string[])[],
  object: KubernetesObject | undefined,
  atMs: number,
): MergePatch {
  const time = `${new Date(atMs).toISOString().slice(0, 19)}Z`;
  const present = places.filter((place, at) => at === 0 || isObject(valueAt(object, place.slice(0, -1))));
  return present
    .map((place) =>
      place.reduceRight<object>((inner, field) => ({ [field]: inner }), { [RESTARTED_AT_ANNOTATION]: time }),
    )
    .reduce<MergePatch>((all, one) => merged(all, one as MergePatch), {});
}

/** Whether each field is as the stop makes it; where the start removes the field, it is enough that it is there. */
function isStopped(
  object: KubernetesObject,
  { stop, start }: { readonly stop: MergePatch; readonly start: MergePatch },
): boolean {
  return leavesOf(stop).every(({ path, value }) => {
    const found = valueAt(object, path);
    return valueAt(start, path) === null ? found !== undefined && found !== null : found === value;
  });
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

function leavesOf(patch: MergePatch, above: readonly string[] = []): readonly Leaf[] {
  return Object.entries(patch).flatMap(([field, value]): readonly Leaf[] => {
    const path = [...above, field];
    return isObject(value) ? leavesOf(value, path) : [{ path, value }];
  });
}

function valueAt(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, field) => (isObject(value) ? value[field] : undefined), object);
}

function merged(a: MergePatch, b: MergePatch): MergePatch {
  const result: Record<string, unknown> = { ...a };
  for (const [field, value] of Object.entries(b)) {
    const before = result[field];
    result[field] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is MergePatch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
