// What happened in a cluster, in the order in which it happened: the changes of one kind since a version, and what an
// operator that knows nothing but the cluster would still write.
import { planWrites } from '../../../operator/deliver/kubernetes/plan-writes.ts';
import {
  type KubernetesObject,
  objectKey,
  pathOf,
  type Resource,
} from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { NAMESPACES } from '../../../operator/model/cluster-resources.ts';
import { SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../../operator/pipeline.ts';
import { ClusterSource } from '../../../operator/sources/kubernetes/cluster-source.ts';
import { until } from '../until.ts';

export interface Change {
  readonly type: string;
  readonly object: KubernetesObject;
  /** Comparable between kinds: all are kept by one etcd. */
  readonly version: bigint;
}

export class ClusterHistory {
  readonly api: KubernetesApi;

  private constructor(api: KubernetesApi) {
    this.api = api;
  }

  static async connect(kubeconfig: string): Promise<ClusterHistory> {
    return new ClusterHistory(await connectKubernetes({ kubeconfig }));
  }

  async now(): Promise<string> {
    const list = await this.api.request({ method: 'GET', path: pathOf(NAMESPACES) });
    return (list as { readonly metadata: { readonly resourceVersion: string } }).metadata.resourceVersion;
  }

  /** Everything that has happened to a kind, and what happens to it in the next seconds. */
  async since(version: string, resource: Resource, seconds = 1): Promise<readonly Change[]> {
    const query = { watch: 'true', resourceVersion: version, timeoutSeconds: String(seconds) };
    const changes: Change[] = [];
    for await (const value of this.api.stream({ path: pathOf(resource), query })) {
      const { type, object } = value as Omit<Change, 'version'>;
      changes.push({ type, object, version: BigInt(object.metadata.resourceVersion ?? '0') });
    }
    return changes;
  }

  async list(resource: Resource): Promise<readonly KubernetesObject[]> {
    const list = await this.api.request({ method: 'GET', path: pathOf(resource) });
    return (list as { readonly items: readonly KubernetesObject[] }).items;
  }

  /** Keys of what a fresh operator would write. */
  async unwritten(): Promise<readonly string[]> {
    const nothing = (): void => undefined;
    const source = new ClusterSource({
      api: this.api,
      systemNamespace: SYSTEM_NAMESPACE,
      canaryNamespace: undefined,
      onChange: nothing,
      onFailure: nothing,
    });
    source.start();
    await until('a new source has seen everything', () => source.hasSynced());
    const { state, observed } = source.read();
    await source.stop();
    const settings = {
      systemNamespace: SYSTEM_NAMESPACE,
      clusterDomain: 'cluster.local',
      clusterDns: [],
      apiServerEgress: 'ipBlock' as const,
      canaryNamespace: undefined,
    };
    const { objects, stamps } = operatorOutputs(state, settings, NOTHING_REMEMBERED);
    const { apply } = planWrites([...objects, ...stamps], observed, () => false);
    return apply.map(objectKey);
  }

  async close(): Promise<void> {
    await this.api.close();
  }
}
