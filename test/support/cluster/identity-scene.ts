// Workloads on a real API server with the controllers that make their pods, and what finds out who was denied, with the
// rights of the collector. No pod runs: their statuses are written here as a kubelet writes them.
import { type KubernetesObject, pathOf, type Resource } from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { renderCollectorRbac } from '../../../operator/manifests/rbac/collector-rbac.ts';
import { PODS } from '../../../operator/model/cluster-resources.ts';
import type { Denial } from '../../../operator/model/denial.ts';
import { USUAL_INSTALLATION } from '../../../operator/model/system-names.ts';
import { createPodIdentity, type PodIdentity } from '../../../operator/roles/shared/pod-identity.ts';
import { sampleDenial } from '../../fixtures/denial-fixture.ts';
import { until } from '../until.ts';
import { applyYaml } from './apply-objects.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { createOwned } from './owned-object.ts';
import { INFERENCE_SERVICE, RAY_CLUSTER, RAY_SERVICE, workloadCrds } from './workload-kinds.ts';

const NAMESPACE = 'default';
const USER = 'collector';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export class IdentityScene {
  readonly controlPlane: ControlPlane;
  readonly root: KubernetesApi;
  readonly own: KubernetesApi;
  readonly identity: PodIdentity;
  readonly warnings: string[];
  #addresses = 0;

  private constructor(
    controlPlane: ControlPlane,
    [root, own]: readonly [KubernetesApi, KubernetesApi],
    warnings: string[],
  ) {
    this.controlPlane = controlPlane;
    this.root = root;
    this.own = own;
    this.warnings = warnings;
    const warn = (message: string, fields: unknown): void => {
      warnings.push(`${message} ${JSON.stringify(fields)}`);
    };
    this.identity = createPodIdentity({ api: own, logger: { warn } });
  }

  static async start(): Promise<IdentityScene> {
    const controlPlane = await startControlPlane();
    const root = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
    const kubeconfig = await controlPlane.kubeconfigFor({ user: USER });
    const scene = new IdentityScene(controlPlane, [root, await connectKubernetes({ kubeconfig })], []);
    await scene.apply(roleOf('collector', collectorRules()));
    await scene.apply(workloadCrds([RAY_SERVICE, RAY_CLUSTER, INFERENCE_SERVICE]));
    const crds = ['rayservices.ray.io', 'rayclusters.ray.io', 'inferenceservices.serving.kserve.io'];
    const established = ['wait', '--for=condition=Established', '--timeout=60s', 'crd', ...crds];
    await scene.kubectl(established);
    scene.identity.start();
    await scene.identity.synced();
    // Until the role was in force.
    scene.warnings.length = 0;
    return scene;
  }

  async stop(): Promise<void> {
    await this.identity.stop();
    await Promise.all([this.root.close(), this.own.close()]);
    await this.controlPlane.stop();
  }

  async kubectl(args: readonly string[], stdin?: string): Promise<string> {
    const options = stdin === undefined ? {} : { stdin };
    const { code, stdout, stderr } = await this.controlPlane.kubectl(args, options);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  async apply(yaml: string): Promise<void> {
    await applyYaml(this.root, yaml, { force: false });
  }

  /** With the uid that the server gave it. */
  async create(
    resource: Resource,
    name: string,
    body: object = {},
    owner?: KubernetesObject,
  ): Promise<KubernetesObject> {
    return createOwned(this.root, resource, { namespace: NAMESPACE, name, owner, body });
  }

  async post(path: string, body: object): Promise<KubernetesObject> {
    return (await this.root.request({ method: 'POST', path, body })) as KubernetesObject;
  }

  async read(path: string): Promise<KubernetesObject> {
    return (await this.root.request({ method: 'GET', path })) as KubernetesObject;
  }

  async pods(): Promise<readonly KubernetesObject[]> {
    const path = pathOf(PODS, { namespace: NAMESPACE });
    return ((await this.root.request({ method: 'GET', path })) as { items: KubernetesObject[] }).items;
  }

  /** The one whose name begins so, once it is there. */
  async podOf(prefix: string): Promise<KubernetesObject> {
    const find = async () => (await this.pods()).find(({ metadata }) => metadata.name.startsWith(prefix));
    await until(`there is a pod "${prefix}"`, async () => (await find()) !== undefined);
    return (await find()) as KubernetesObject;
  }

  /** As the kubelet says that it runs; the address is one that no pod had before. */
  async run({ metadata: { name } }: KubernetesObject): Promise<string> {
    this.#addresses += 1;
    const ip = `10.9.0.${this.#addresses}`;
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], startTime: new Date().toISOString() };
    await this.root.request({
      method: 'PATCH',
      path: pathOf(PODS, { namespace: NAMESPACE, name, subresource: 'status' }),
      contentType: 'application/merge-patch+json',
      body: { status: { ...status, startTime: `${status.startTime.slice(0, 19)}Z` } },
    });
    return ip;
  }

  /** The row of a denial of now. */
  async identified(ip: string, changes: Partial<Denial> = {}): Promise<Denial> {
    const eventTime = new Date().toISOString();
    const row = sampleDenial(0, { eventTime, workspace: NAMESPACE, source: `${ip}:40000`, ...changes });
    const [found] = await this.identity.identify([row]);
    return found ?? row;
  }
}

/** Of its ClusterRole. */
function collectorRules(): readonly Rule[] {
  const { collectorAccount } = USUAL_INSTALLATION;
  const role = renderCollectorRbac(USUAL_INSTALLATION).find(
    ({ kind, metadata }) =>
      kind === 'ClusterRole' && (metadata as { readonly name: string }).name === collectorAccount,
  );
  return role?.['rules'] as readonly Rule[];
}

export function roleOf(name: string, rules: readonly Rule[]): string {
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: USER }];
  const objects = [
    { ...rbac, kind: 'ClusterRole', rules },
    { ...rbac, kind: 'ClusterRoleBinding', roleRef, subjects },
  ];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}
