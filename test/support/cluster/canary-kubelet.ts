// STUB of a kubelet and a scheduler, for canary pods alone: there are no nodes here. It puts each pod on the node that
// it is pinned to, or on one of its own choice, and lets it end at once with the answer that the test gives for that
// node; a pod without an answer stays as it is.
import { type KubernetesObject, pathOf } from '../../../operator/lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../../operator/model/cluster-resources.ts';
import { CANARY_NAMESPACE } from '../../../operator/model/system-names.ts';
import { until } from '../until.ts';

/** Which of its targets a pod reaches on a node; "silent": its image is not there. */
export type NodeNetwork = 'enforced' | 'open' | 'dead' | 'silent';

export const CHOSEN_NODE = 'node-of-choice';
const namespace = CANARY_NAMESPACE;

interface Pod extends KubernetesObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly args?: readonly string[] }[];
  };
}

export class CanaryKubelet {
  /** By node. */
  readonly networks = new Map<string, NodeNetwork>();
  /** Every pod that ran, in that order. */
  readonly ran: Pod[] = [];
  readonly #api: KubernetesApi;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(api: KubernetesApi) {
    this.#api = api;
  }

  start(): void {
    this.#running = until(
      'the stub is stopped',
      async () => {
        if (!this.#stopped) for (const pod of await this.pods()) await this.#serve(pod).catch(unlessGone);
        return this.#stopped;
      },
      Number.POSITIVE_INFINITY,
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async pods(): Promise<readonly Pod[]> {
    const path = pathOf(PODS, { namespace });
    const list = (await this.#api.request({ method: 'GET', path })) as { readonly items: readonly Pod[] };
    return list.items;
  }

  async #serve(pod: Pod): Promise<void> {
    const { name, uid, deletionTimestamp } = pod.metadata;
    const path = pathOf(PODS, { namespace, name });
    if (deletionTimestamp !== undefined) {
      const body = { gracePeriodSeconds: 0 };
      await this.#api.request({ method: 'DELETE', path, body });
      return;
    }
    if (this.ran.some(({ metadata }) => metadata.uid === uid)) return;
    const pinned = /"key":"metadata\.name","operator":"In","values":\["([^"]+)"\]/.exec(JSON.stringify(pod));
    const node = pinned?.[1] ?? CHOSEN_NODE;
    if (pod.spec.nodeName === undefined) await this.#bind(pod, node);
    this.ran.push({ ...pod, spec: { ...pod.spec, nodeName: node } });
    const status = statusOf(pod, this.networks.get(node) ?? 'silent');
    const contentType = 'application/merge-patch+json';
    await this.#api.request({ method: 'PATCH', path: `${path}/status`, body: { status }, contentType });
  }

  async #bind({ metadata: { name } }: Pod, node: string): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name },
      target: { kind: 'Node', name: node },
    };
    const path = pathOf(PODS, { namespace, name, subresource: 'binding' });
    await this.#api.request({ method: 'POST', path, body });
  }
}

/** The operator deletes pods too. */
function unlessGone(error: unknown): void {
  if (!(error instanceof ApiFailure) || ![404, 409].includes(error.status)) throw error;
}

function statusOf(pod: Pod, network: NodeNetwork): object {
  const container = { name: 'canary', image: 'none', imageID: '', ready: false, restartCount: 0 };
  if (network === 'silent') {
    const waiting = { reason: 'ErrImagePull', message: 'not found' };
    return { phase: 'Pending', containerStatuses: [{ ...container, state: { waiting } }] };
  }
  const args = pod.spec.containers[0]?.args ?? [];
  const valuesOf = (option: string) => args.filter((_, at) => args[at - 1] === option);
  const message = JSON.stringify({
    allowed: valuesOf('--allowed').map((target) => ({ target, isOpen: network !== 'dead' })),
    denied: valuesOf('--denied').map((target) => ({ target, isOpen: network === 'open', openForMs: 0 })),
  });
  const terminated = { exitCode: 0, reason: 'Completed', message };
  return { phase: 'Succeeded', containerStatuses: [{ ...container, state: { terminated } }] };
}
