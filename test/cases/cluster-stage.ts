// A case on the API server: its objects as a user applies them, the operator that all cases share, and an agent of its
// own with a real Envoy and the rights of a gateway pod. In the end everything of the case is gone again.
import { pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  EGRESS_TABLES,
  GATEWAY_REPORTS,
  PODS,
  POLICY_ASSIGNMENTS,
  WORKSPACE_PLANS,
} from '../../operator/model/cluster-resources.ts';
import { GATEWAY_LABEL, GATEWAY_NAME, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import type { WorkspacePlan } from '../../operator/model/workspace-plan.ts';
import type { OutsideServers } from '../outside/outside-servers.ts';
import type { ClusterScene } from '../support/cluster/cluster-scene.ts';
import type { Agent } from '../support/cluster/gateway-scene.ts';
import { collectionOf } from '../support/cluster/object-collection.ts';
import { until } from '../support/until.ts';
import type { CaseFolder } from './case-folder.ts';
import type { CaseRow } from './case-rows.ts';
import {
  type CaseObject,
  CREATED_DEFAULT_POLICY,
  keyOf,
  objectsOf,
  rejectedObjects,
} from './cluster-cases.ts';
import { missingOf, type StoredObject } from './in-force.ts';
import { DENIAL_COLUMNS, type LoggedDenial, type ProxyPlace, type Stage } from './stage.ts';

const COMPILED: readonly Resource[] = [EGRESS_TABLES, WORKSPACE_PLANS];
const IN_FORCE: readonly Resource[] = [...COMPILED, GATEWAY_REPORTS, POLICY_ASSIGNMENTS];

export class ClusterStage implements Stage {
  readonly #scene: ClusterScene;
  readonly #found: CaseFolder;
  readonly #agent: Agent;
  #plans: readonly WorkspacePlan[] = [];

  private constructor(scene: ClusterScene, found: CaseFolder, agent: Agent) {
    this.#scene = scene;
    this.#found = found;
    this.#agent = agent;
  }

  static async start(scene: ClusterScene, found: CaseFolder, outside: OutsideServers): Promise<ClusterStage> {
    await applyObjects(scene, found);
    const stage = new ClusterStage(scene, found, await startAgent(scene, found.name, outside));
    try {
      await stage.#untilInForce();
      return stage;
    } catch (error) {
      await stage.finish();
      throw error;
    }
  }

  proxyOf({ workspace, product }: CaseRow): ProxyPlace | null {
    const plan = this.#plans.find(({ metadata }) => metadata.name === workspace);
    const lane = plan?.spec.products.find((entry) => entry.product === product)?.lane;
    if (lane === 'full') return null;
    const ports = plan?.spec.lanes?.find((entry) => entry.lane === lane);
    if (ports === undefined) throw new Error(`Cannot find the lane for ${product} of "${workspace}"`);
    return { host: this.#agent.address, port: ports.firstPort };
  }

  async finish(): Promise<readonly LoggedDenial[]> {
    await this.#agent.stop();
    const pod = { namespace: SYSTEM_NAMESPACE, name: this.#found.name };
    const query = { gracePeriodSeconds: '0' };
    await this.#scene.gateways.api.request({ method: 'DELETE', path: pathOf(PODS, pod), query });
    await removeObjects(this.#scene, this.#found);
    const denials = this.#agent.lines.filter(({ message }) => message === 'denial');
    return denials.map((line) => Object.fromEntries(DENIAL_COLUMNS.map((column) => [column, line[column]])));
  }

  async #untilInForce(): Promise<void> {
    let missing: readonly string[] = [];
    await until(`${this.#found.name} is in force`, async () => {
      const stored = await storedObjects(this.#scene, IN_FORCE);
      missing = missingOf(this.#found.compiled, stored, this.#found.name);
      this.#plans = stored.filter((object) => object.kind === 'WorkspacePlan');
      return missing.length === 0;
    }).catch((cause: unknown) => {
      throw new Error(missing.join('\n'), { cause });
    });
  }
}

/** Throws where the API server rejects anything else than it must. */
async function applyObjects(scene: ClusterScene, found: CaseFolder): Promise<void> {
  const rejected = new Map<string, string>();
  for (const object of objectsOf(found)) {
    await scene.apply(JSON.stringify(object)).catch((error: unknown) => {
      if (!(error instanceof ApiFailure)) throw error;
      rejected.set(keyOf(object), error.message);
    });
  }
  if (String([...rejected.keys()]) !== String(rejectedObjects(found.name)))
    throw new Error(`The API server rejects ${[...rejected].map((one) => one.join(': ')).join(' and ')}`);
}

/** Named after the case, and a pod that is ready, as far as anybody can see who asks the API server. */
async function startAgent(scene: ClusterScene, name: string, outside: OutsideServers): Promise<Agent> {
  const { controlPlane, gateways } = scene;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: SYSTEM_NAMESPACE, labels: { [GATEWAY_LABEL]: GATEWAY_NAME } },
    spec: {
      serviceAccountName: 'sallyport-gateway',
      containers: [{ name: 'main', image: 'example.com/none' }],
    },
  };
  const status = { conditions: [{ type: 'Ready', status: 'True' }], podIP: outside.listenAddress };
  const place = { namespace: SYSTEM_NAMESPACE };
  await gateways.api.request({ method: 'POST', path: pathOf(PODS, place), body: pod });
  await gateways.api.request({
    method: 'PATCH',
    path: pathOf(PODS, { ...place, name, subresource: 'status' }),
    contentType: 'application/merge-patch+json',
    body: { status },
  });
  const kubeconfig = await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, 'sallyport-gateway', name);
  return gateways.startAgent(name, { kubeconfig, outside });
}

/**
 * Namespaces only cease to be workspaces, since their deletion takes 5 s at least; so assignments that the operator
 * made stay, and go here. Policies go last: one that is assigned cannot be deleted. default-policy, which never can be,
 * says again what the operator lets it say.
 */
async function removeObjects(scene: ClusterScene, found: CaseFolder): Promise<void> {
  const byKind = Map.groupBy(objectsOf(found), ({ kind }) => kind);
  const { Namespace: namespaces = [], NetworkPolicy: policies = [], ...others } = Object.fromEntries(byKind);
  const plain = namespaces.map(({ apiVersion, kind, metadata: { name } }) => ({
    apiVersion,
    kind,
    metadata: { name },
  }));
  await scene.apply(JSON.stringify(listOf([...plain, CREATED_DEFAULT_POLICY])));
  await until(`nothing of ${found.name} is compiled`, async () => {
    const left = await storedObjects(scene, COMPILED);
    return left.length === 0;
  });
  await scene.gateways.api.request({ method: 'DELETE', path: pathOf(POLICY_ASSIGNMENTS) });
  await deleteAll(scene, Object.values(others).flat());
  const own = policies.filter((object) => keyOf(object) !== keyOf(CREATED_DEFAULT_POLICY));
  await until(`the policies of ${found.name} are gone`, () => deleteAll(scene, own));
}

/** Whether all is gone that was there. */
async function deleteAll({ gateways }: ClusterScene, objects: readonly CaseObject[]): Promise<boolean> {
  let isGone = true;
  for (const object of objects) {
    const path = `${collectionOf(object)}/${object.metadata.name}`;
    await gateways.api.request({ method: 'DELETE', path }).catch((error: unknown) => {
      if (!(error instanceof ApiFailure)) throw error;
      if (error.status !== 404) isGone = false;
    });
  }
  return isGone;
}

function listOf(items: readonly CaseObject[]): object {
  return { apiVersion: 'v1', kind: 'List', items };
}

async function storedObjects(
  { gateways }: ClusterScene,
  resources: readonly Resource[],
): Promise<readonly StoredObject[]> {
  const lists = await Promise.all(resources.map((resource) => gateways.list(resource)));
  return lists.flat() as unknown as readonly StoredObject[];
}
