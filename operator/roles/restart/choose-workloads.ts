// What a person asked for -> the workloads to restart, or a sentence that there is nothing to do. Throws with a sentence
// where that names no workload, or several.
import { workloadOfPod } from '../../compile/workload-of-pod.ts';
import type { StampedPod } from '../../model/cluster-state.ts';
import { workloadName } from '../restarts/format-restarts.ts';
import { ownersOf, stalePods } from '../restarts/read-restarts.ts';
import { type ReadWorkspace, readWorkspace } from '../restarts/read-workspaces.ts';
import { readOne } from '../shared/person-access.ts';
import { type AskedWorkload, findWorkloads, kindsCalled, type RestartableWorkload } from './find-workload.ts';
import type { ServedKind } from './served-kinds.ts';
import type { PodsPlace } from './workload-pods.ts';

export interface Choice {
  readonly chosen: readonly RestartableWorkload[];
  /** Where nothing is chosen. */
  readonly sentence: string;
}

export interface ChoicePlace extends PodsPlace {
  readonly namespace: string;
  readonly served: readonly ServedKind[];
}

/** `asked`: undefined for all. */
export async function chooseWorkloads(
  asked: AskedWorkload | undefined,
  all: readonly RestartableWorkload[],
  place: ChoicePlace,
): Promise<Choice> {
  const { namespace, served } = place;
  if (asked === undefined)
    return { chosen: all, sentence: `Nothing has to restart in Namespace "${namespace}"` };
  const found = findWorkloads(asked, all, served);
  if (found.length > 1) {
    const names = found.map(
      ({ group, ...one }) => `${workloadName(one)}${group === '' ? '' : ` (${group})`}`,
    );
    throw new Error(`Cannot tell which "${textOf(asked)}" is meant: ${names.join(', ')}; write one of them`);
  }
  return { chosen: found, sentence: found.length === 1 ? '' : await whyNone(asked, place) };
}

async function whyNone(asked: AskedWorkload, place: ChoicePlace): Promise<string> {
  const { api, chain, laneTimes, namespace } = place;
  const read = await readWorkspace(api, namespace, laneTimes);
  const owners = await ownersOf(read.pods, chain);
  const upper = upperOf(asked, read, place);
  if (upper !== undefined)
    throw new Error(
      `Cannot restart "${textOf(asked)}" by itself: it is part of ${workloadName(workloadOfPod(upper, owners))}; restart that`,
    );
  const isThere =
    asked.kind === undefined
      ? read.pods.some((pod) => workloadOfPod(pod, owners).name === asked.name)
      : await exists(asked.kind, asked.name, place);
  if (isThere)
    return `"${textOf(asked)}" does not have to restart: no pod of it is in another lane than its product has now`;
  throw new Error(
    `Cannot find "${textOf(asked)}" in Namespace "${namespace}": see "kubectl sallyport restarts -n ${namespace}"`,
  );
}

/** A stale pod that is what was asked for, or is controlled by that. */
function upperOf(
  { kind, name }: AskedWorkload,
  read: ReadWorkspace,
  { served }: ChoicePlace,
): StampedPod | undefined {
  const isKind = (called: string): boolean =>
    kind === undefined || kindsCalled(kind, served).some((one) => one.kind === called);
  return stalePods(read, Date.now()).find(
    (pod) =>
      (pod.name === name && isKind('Pod')) || (pod.controller?.name === name && isKind(pod.controller.kind)),
  );
}

async function exists(word: string, name: string, { api, namespace, served }: ChoicePlace): Promise<boolean> {
  const kinds = kindsCalled(word, served);
  if (kinds.length === 0)
    throw new Error(
      `Cannot find a kind of workloads that is called "${word}" in the cluster: write it as kubectl does, for example "deployment/etl"`,
    );
  for (const kind of kinds) if ((await readOne(api, kind, { namespace, name })) !== undefined) return true;
  return false;
}

function textOf({ kind, name }: AskedWorkload): string {
  return kind === undefined ? name : `${kind}/${name}`;
}
