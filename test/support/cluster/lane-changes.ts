// The workspace of an AdmissionScene, whose lane changes as the operator would change it, and workloads in it. Admission
// and the controllers of Kubernetes are real: Deployments make pods, and each gets the lane of its moment. No pod ever runs.
import { type KubernetesObject, pathOf } from '../../../operator/lib/kubernetes/api-object.ts';
import { PODS } from '../../../operator/model/cluster-resources.ts';
import type { Lane } from '../../../operator/model/lane.ts';
import { DEFAULT_LANE_ANNOTATION, STAMP_ANNOTATION } from '../../../operator/model/stamp.ts';
import { type AdmissionScene, podOf, READY, until } from './admission-scene.ts';

/** Of all products without one of their own. */
export async function setLane({ operator }: AdmissionScene, lane: Lane, revision: string): Promise<void> {
  await operator.request({
    ...{ method: 'PATCH', path: `/api/v1/namespaces/${READY}`, contentType: 'application/merge-patch+json' },
    body: { metadata: { annotations: { [DEFAULT_LANE_ANNOTATION]: lane, [STAMP_ANNOTATION]: revision } } },
  });
}

export async function podsOf({ root }: AdmissionScene): Promise<readonly KubernetesObject[]> {
  const { items } = (await root.request({
    ...{ method: 'GET', path: pathOf(PODS, { namespace: READY }) },
  })) as { readonly items: readonly KubernetesObject[] };
  return items;
}

export function untilPods(scene: AdmissionScene, count: number): Promise<void> {
  return until(`${count} pods`, async () => {
    const pods = await podsOf(scene);
    return pods.length === count ? '' : `${pods.length}`;
  });
}

/** "Deployment" or "ReplicaSet". New pods come once the old ones are gone, since none ever gets ready. */
export function replicated(kind: string, name: string, replicas: number) {
  const labels = { app: name };
  return {
    ...{ apiVersion: 'apps/v1', kind, metadata: { name, namespace: READY } },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podOf(READY, {}).spec },
      ...(kind === 'Deployment' ? { strategy: { type: 'Recreate' } } : {}),
    },
  };
}

/** What a command for people says. */
export class Said {
  out = '';
  err = '';
  readonly write = (text: string): void => {
    this.out += text;
  };
  readonly complain = (text: string): void => {
    this.err += text;
  };
}
