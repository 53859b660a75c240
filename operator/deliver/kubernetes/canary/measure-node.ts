// One measurement: makes a canary pod, waits until it has ended, reads its answer, and deletes it whatever happens.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesObject, pathOf } from '../../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../../lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../../model/cluster-resources.ts';
import { CANARY_NAME, GATEWAY_LABEL } from '../../../model/system-names.ts';
import { answerOf, canaryPod, nodeOf, onNode, waitingFor } from './canary-pod.ts';
import type { CanaryTargets } from './canary-scene.ts';
import type { CanaryAnswer } from './due-nodes.ts';

export interface Measuring {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly image: string;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

const LOOK_MS = 500;
/** Where a node or an image does not come, somebody must know before the pod would end by itself. */
const WAIT_MS = 60_000;

/** Never throws: what went wrong is the answer. */
export async function measureNode(
  node: string,
  targets: CanaryTargets,
  measuring: Measuring,
): Promise<CanaryAnswer> {
  const name = `canary-${randomUUID().slice(0, 8)}`;
  try {
    return await measure({ node, name, targets }, measuring);
  } catch (error) {
    const { message } = error as Error;
    // The name is another one each time, and a status that says it would change each time.
    return {
      node,
      failure: `The canary pod ${onNode(node)} cannot be made: ${message.replaceAll(name, CANARY_NAME)}`,
    };
  } finally {
    await deletePod(name, measuring).catch(() => undefined);
  }
}

interface Measurement {
  readonly node: string;
  readonly name: string;
  readonly targets: CanaryTargets;
}

async function measure(
  { node, name, targets }: Measurement,
  { api, namespace, image, signal }: Measuring,
): Promise<CanaryAnswer> {
  const body = canaryPod({ name, namespace, image, node, targets });
  await api.request({ method: 'POST', path: pathOf(PODS, { namespace }), body });
  const untilMs = performance.now() + WAIT_MS;
  for (;;) {
    const pod = (await api.request({
      method: 'GET',
      path: pathOf(PODS, { namespace, name }),
    })) as KubernetesObject;
    const answer = answerOf(pod, targets, Date.now());
    if (answer !== undefined) return answer;
    if (performance.now() > untilMs || signal.aborted) {
      const failure = `The canary pod ${onNode(node)} does not run: ${waitingFor(pod)}`;
      return { node: nodeOf(pod), failure };
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function deletePod(
  name: string,
  { api, namespace }: Pick<Measuring, 'api' | 'namespace'>,
): Promise<void> {
  try {
    await api.request({ method: 'DELETE', path: pathOf(PODS, { namespace, name }) });
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
  }
}

/** Of a leader that was killed; call it while nothing is measured. */
export async function deleteLeftovers(measuring: Pick<Measuring, 'api' | 'namespace'>): Promise<void> {
  const { api, namespace } = measuring;
  const query = { labelSelector: `${GATEWAY_LABEL}=${CANARY_NAME}` };
  const list = (await api.request({ method: 'GET', path: pathOf(PODS, { namespace }), query })) as {
    readonly items: readonly KubernetesObject[];
  };
  const left = list.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (const { metadata } of left) await deletePod(metadata.name, measuring);
}
