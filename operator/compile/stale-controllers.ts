// Pods, and the lanes that plans give to products now -> the controllers of pods that must restart, each once, in the order
// in which somebody should follow their owners: first of pods in lanes that are too open, and of all workspaces in turn, so
// that none waits for the many of another.
import type { StampedPod } from '../model/cluster-state.ts';
import type { ControlledPod } from '../model/pod-owner.ts';
import type { RestartPlanInput } from './restart-plan.ts';
import { stalePodOf } from './stale-pods.ts';

interface Found extends ControlledPod {
  readonly isMoreOpen: boolean;
}

export function staleControllers(input: Omit<RestartPlanInput, 'owners'>): readonly ControlledPod[] {
  const byWorkspace = Map.groupBy(input.pods, ({ namespace }) => namespace);
  const turns = [...byWorkspace].flatMap(([workspace, pods]) =>
    controllersIn(workspace, pods, input).map((found, turn) => ({ ...found, turn })),
  );
  return turns
    .toSorted((a, b) => Number(b.isMoreOpen) - Number(a.isMoreOpen) || a.turn - b.turn)
    .map(({ namespace, controller }) => ({ namespace, controller }));
}

/** Of several pods with the same one the most open counts. */
function controllersIn(
  namespace: string,
  pods: readonly StampedPod[],
  { lanesOf, atMs }: Omit<RestartPlanInput, 'owners'>,
): readonly Found[] {
  const lanes = lanesOf(namespace);
  if (lanes === undefined) return [];
  const found = new Map<string, Found>();
  for (const pod of pods) {
    const stale = pod.controller === undefined ? undefined : stalePodOf(pod, lanes, atMs);
    if (pod.controller === undefined || stale?.mustRestart !== true) continue;
    const { uid, apiVersion, kind, name } = pod.controller;
    // Pods of one Namespace may name one uid falsely.
    const key = JSON.stringify([uid, apiVersion, kind, name]);
    if (found.get(key)?.isMoreOpen === true) continue;
    found.set(key, { namespace, controller: pod.controller, isMoreOpen: stale.isMoreOpen });
  }
  return [...found.values()];
}
