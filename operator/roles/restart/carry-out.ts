// Restarts one workload and waits until none of its pods is left in another lane than its product has now. Throws with a
// sentence that says what state the workload is in then: above all where it was stopped and is not started again.
import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../../lib/duration.ts';
import type { KubernetesObject, Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { workloadName } from '../restarts/format-restarts.ts';
import { readOne } from '../shared/person-access.ts';
import type { RestartableWorkload } from './find-workload.ts';
import { type PlannedRestart, planRestart } from './plan-restart.ts';
import { describeRemaining, type SeenPods } from './remaining-pods.ts';
import { deleteRequest, patchRequest, send } from './restart-requests.ts';
import { lookAtPods, type PodsPlace } from './workload-pods.ts';

export interface RestartPlace extends PodsPlace {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly write: (text: string) => void;
}

export interface Restartable {
  readonly workload: RestartableWorkload;
  /** Undefined where only its pods are touched. */
  readonly resource: Resource | undefined;
}

const POLL_MS = 1000;
/** For clocks that differ. */
const SKEW_MS = 60_000;

/** Undefined where no object is needed. Throws where it is not there, or may not be read. */
export async function readRestarted(
  { api }: Pick<RestartPlace, 'api'>,
  { workload, resource }: Restartable,
): Promise<KubernetesObject | undefined> {
  if (resource === undefined) return undefined;
  const { namespace, name } = workload;
  const found = await readOne(api, resource, { namespace, name });
  if (found === undefined)
    throw new Error(
      `Cannot find ${workloadName(workload)} in Namespace "${namespace}", which its pods name: delete them, or look for what makes them`,
    );
  return found as KubernetesObject;
}

/** Resolves to what happened. */
export async function carryOut(restartable: Restartable, place: RestartPlace): Promise<string> {
  const { workload } = restartable;
  const startedMs = Date.now();
  const before = await lookAtPods(place, workload, startedMs);
  if (before.stale.length === 0) return 'has no pod in another lane any more';
  const planned = planRestart(
    workload.workloadKind.restart.action,
    await readRestarted(place, restartable),
    startedMs,
  );
  if (planned.kind === 'none') throw new Error(`Left as it is: ${planned.why}`);
  const waiting = { restartable, place, endMs: startedMs + place.timeoutMs };
  await make(planned, before, waiting);
  const look = (): Promise<SeenPods> => lookAtPods(place, workload, startedMs - SKEW_MS);
  await untilGone({
    ...{ ...waiting, what: 'stale pods' },
    after: `. It goes on by itself: see "kubectl sallyport restarts -n ${workload.namespace}"`,
    look,
    left: ({ stale }) => stale,
  });
  const count = await countNewPods(look, place);
  return count > 0 ? `is restarted: no stale pod is left (pods now: ${count})` : noNewPod(restartable, place);
}

const NEW_POD_LOOKS = 5;

/** A controller may take a moment to make the first. */
async function countNewPods(look: Gone['look'], { signal }: RestartPlace): Promise<number> {
  for (let looks = 1; ; looks += 1) {
    const { seen } = await lookAgain({ look });
    const count = seen?.others.length ?? 0;
    if (count > 0 || looks > NEW_POD_LOOKS || signal.aborted) return count;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** It may have ended, be scaled to none, or be denied. */
async function noNewPod(restartable: Restartable, place: RestartPlace): Promise<string> {
  const { workload } = restartable;
  const why = describeRemaining({ stale: [], others: [] }, await ownerOf(place, restartable));
  const reasons = why.length === 0 ? '' : `: ${why.join('; ')}`;
  return `has no stale pod any more: its pods are gone, and no new one is there yet${reasons}. Where one should be, see "kubectl describe ${workloadName(workload)} -n ${workload.namespace}" and "kubectl get events -n ${workload.namespace}"`;
}

interface Waiting {
  readonly restartable: Restartable;
  readonly place: RestartPlace;
  readonly endMs: number;
}

async function make(planned: PlannedRestart, { stale }: SeenPods, waiting: Waiting): Promise<void> {
  const { restartable, place } = waiting;
  const { workload, resource } = restartable;
  if (planned.kind === 'deletePods') {
    const running = stale.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    for (const pod of running) await send(place.api, deleteRequest(pod));
  } else if (planned.kind !== 'none' && resource !== undefined) {
    if (planned.kind === 'patch') await send(place.api, patchRequest(workload, resource, planned.patch));
    else await stopAndStart(planned, resource, waiting);
  }
}

async function stopAndStart(
  { stop, start }: Extract<PlannedRestart, { readonly kind: 'stopAndStart' }>,
  resource: Resource,
  waiting: Waiting,
): Promise<void> {
  const { restartable, place } = waiting;
  const { workload } = restartable;
  await send(place.api, patchRequest(workload, resource, stop));
  try {
    await untilGone({
      ...{ ...waiting, what: 'pods', after: '' },
      // All of them, however old.
      look: () => lookAtPods(place, workload, 0),
      left: ({ stale, others }) => [...stale, ...others],
    });
    await insist(() => send(place.api, patchRequest(workload, resource, start)));
  } catch (cause) {
    const command = workload.rows[0].workload.commands.at(-1) ?? '';
    throw new Error(
      `It was stopped and is not started again: ${(cause as Error).message}. It is left stopped; to start it:\n${command}`,
      { cause },
    );
  }
}

interface Gone extends Waiting {
  readonly what: string;
  /** Said where it is not waited for any longer. */
  readonly after: string;
  readonly look: () => Promise<SeenPods>;
  readonly left: (seen: SeenPods) => readonly KubernetesObject[];
}

/** Says how many are left whenever that changes. */
async function untilGone(gone: Gone): Promise<SeenPods> {
  const { restartable, place, endMs, what, after, left } = gone;
  const { signal, write } = place;
  let count = 0;
  for (;;) {
    const looked = await lookAgain(gone);
    if (looked.seen !== undefined) {
      const now = left(looked.seen).length;
      if (now === 0) return looked.seen;
      if (now !== count) write(`${workloadName(restartable.workload)}: ${what} left: ${now}\n`);
      count = now;
    }
    if (signal.aborted) throw new Error(`Interrupted (${what} left: ${count})${after}`);
    if (Date.now() > endMs) throw new Error(`${await inVain(gone, looked, count)}${after}`);
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function inVain({ restartable, place, what }: Gone, looked: Looked, count: number): Promise<string> {
  const owner = await ownerOf(place, restartable);
  const reasons = looked.seen === undefined ? [looked.fault] : describeRemaining(looked.seen, owner);
  return `Waited ${formatDuration(place.timeoutMs)} in vain (${what} left: ${count}): ${reasons.join('; ')}`;
}

interface Looked {
  readonly seen: SeenPods | undefined;
  readonly fault: string;
}

/** What passes, such as an API server that is away for a moment, is no reason to give up. */
async function lookAgain({ look }: Pick<Gone, 'look'>): Promise<Looked> {
  try {
    return { seen: await look(), fault: '' };
  } catch (error) {
    if (!isPassing(error)) throw error;
    return { seen: undefined, fault: (error as Error).message };
  }
}

/** For what its conditions say; nothing depends on it. */
async function ownerOf(place: RestartPlace, restartable: Restartable): Promise<KubernetesObject | undefined> {
  return readRestarted(place, restartable).catch(() => undefined);
}

const ATTEMPTS = 5;

/** A workload that is stopped is not left so for one lost answer. */
async function insist(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || attempt === ATTEMPTS) throw error;
      await sleep(POLL_MS);
    }
  }
}

function isPassing(error: unknown): boolean {
  const { cause } = error as Error;
  if (!(cause instanceof ApiFailure)) return false;
  return cause.status === 0 || cause.status === 429 || cause.status >= 500;
}
