// A pool of gateways without nodes and without an operator: pods as kubelets say them, plans as the operator left them,
// and for each pod that is given one the agent that may write EndpointSlices, with the rights and under the admission
// policies of a gateway. What should be written is computed here a second time.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { laneServiceName } from '../../../operator/compile/lane-service-name.ts';
import { type KubernetesObject, pathOf, type Resource } from '../../../operator/lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { ENDPOINT_SLICES, PODS, WORKSPACE_PLANS } from '../../../operator/model/cluster-resources.ts';
import type { Lane } from '../../../operator/model/lane.ts';
import { LANE_PORTS } from '../../../operator/model/lane-port.ts';
import { BREAK_GLASS_ANNOTATION } from '../../../operator/model/stamp.ts';
import {
  GATEWAY_ACCOUNT,
  GATEWAY_LABEL,
  GATEWAY_NAME,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  POD_NAME_EXTRA,
  SERVICE_NAME_LABEL,
  SLICE_MANAGER,
  SLICE_MANAGER_LABEL,
  SYSTEM_NAMESPACE,
  WORKSPACE_NAME_LABEL,
} from '../../../operator/model/system-names.ts';
import { until } from '../until.ts';
import { type AdmissionScene, startAdmissionScene } from './admission-scene.ts';

const AGENT = fileURLToPath(new URL('pool-agent.ts', import.meta.url));
const LEASES: Resource = {
  ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
  ...{ plural: 'leases', isNamespaced: true },
};
const HOME = { namespace: SYSTEM_NAMESPACE };

export type Lanes = Readonly<Partial<Record<Lane, number>>>;

interface Pod {
  readonly addresses: readonly string[];
  readonly isReady: boolean;
  readonly isLeaving: boolean;
  /** Whether it was ever ready: its Envoy runs. */
  readonly hasEnvoy: boolean;
}

const NEW_POD: Pod = { addresses: [], isReady: false, isLeaving: false, hasEnvoy: false };
const ENVOY = {
  ...{ name: 'envoy', image: 'example.com/none', imageID: '', ready: true, restartCount: 0 },
  state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
};

/** After the address of an endpoint that only keeps the connections that it has. */
const LEAVING = 'leaving';

/** By name of the slice: its addresses, and its ports by name. */
export type Slices = Readonly<Record<string, readonly [readonly string[], Readonly<Record<string, number>>]>>;

export interface LeaseSpec {
  readonly holderIdentity: string;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseDurationSeconds: number;
}

export class PoolScene {
  readonly admission: AdmissionScene;
  readonly #auditLog: string;
  readonly #agents = new Map<string, ChildProcess>();
  readonly #said = new Map<string, string>();
  readonly #pods = new Map<string, Pod>();
  readonly #plans = new Map<string, Lanes>();

  private constructor(admission: AdmissionScene, auditLog: string) {
    this.admission = admission;
    this.#auditLog = auditLog;
  }

  static async start(folder: string): Promise<PoolScene> {
    const auditLog = join(folder, 'audit.log');
    const admission = await startAdmissionScene({ withControllers: false, auditLog });
    const scene = new PoolScene(admission, auditLog);
    // For what tests do to slices behind the back of the pool.
    await scene.#merge('/api/v1/namespaces/sallyport-system', {
      metadata: { annotations: { [BREAK_GLASS_ANNOTATION]: 'drill' } },
    });
    return scene;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#agents.keys()].map((name) => this.kill(name)));
    await this.admission.stop();
  }

  get pods(): ReadonlyMap<string, Pod> {
    return this.#pods;
  }

  get agents(): readonly string[] {
    return [...this.#agents.keys()];
  }

  get plans(): ReadonlyMap<string, Lanes> {
    return this.#plans;
  }

  /** On a node, so that it stays for its grace period when it is deleted. */
  async addPod(name: string, addresses: readonly string[], isReady = true): Promise<void> {
    await this.admission.root.request({
      method: 'POST',
      path: pathOf(PODS, HOME),
      body: {
        metadata: { name, labels: { [GATEWAY_LABEL]: GATEWAY_NAME } },
        spec: {
          serviceAccountName: GATEWAY_ACCOUNT,
          nodeName: 'node-1',
          containers: [{ name: 'main', image: 'example.com/none' }],
        },
      },
    });
    await this.setPod(name, { addresses, isReady });
  }

  async setPod(name: string, changes: Partial<Pick<Pod, 'addresses' | 'isReady'>>): Promise<void> {
    const former = this.#pods.get(name) ?? NEW_POD;
    const hasEnvoy = former.hasEnvoy || changes.isReady === true;
    const pod = { ...former, ...changes, hasEnvoy };
    const podIPs = pod.addresses.map((ip) => ({ ip }));
    const conditions = [{ type: 'Ready', status: pod.isReady ? 'True' : 'False' }];
    await this.#merge(pathOf(PODS, { ...HOME, name, subresource: 'status' }), {
      status: { podIP: pod.addresses[0], podIPs, conditions, containerStatuses: hasEnvoy ? [ENVOY] : [] },
    });
    this.#pods.set(name, pod);
  }

  /** It stays ready while it drains. */
  async deletePod(name: string): Promise<void> {
    await this.#remove(PODS, name);
    const pod = this.#pods.get(name);
    if (pod !== undefined) this.#pods.set(name, { ...pod, isLeaving: true });
  }

  /** As when it has ended, or its node is gone. */
  async removePod(name: string): Promise<void> {
    await this.#remove(PODS, name, { gracePeriodSeconds: '0' });
    this.#pods.delete(name);
  }

  async setPlan(workspace: string, lanes: Lanes, more = {}): Promise<void> {
    const metadata = { ...HOME, name: workspace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } };
    await this.admission.operator.request({
      method: 'PATCH',
      path: pathOf(WORKSPACE_PLANS, metadata),
      query: { fieldManager: 'sallyport-operator', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: {
        ...{ apiVersion: WORKSPACE_PLANS.apiVersion, kind: WORKSPACE_PLANS.kind, metadata },
        spec: {
          ...{ workspaceId: `id-${workspace}`, networkPolicyId: 'acme', revision: 'r1', table: 't' },
          ...{ products: [], ...more },
          lanes: Object.entries(lanes).map(([lane, firstPort]) => ({ lane, firstPort })),
        },
      },
    });
    this.#plans.set(workspace, lanes);
  }

  async removePlan(workspace: string): Promise<void> {
    await this.admission.operator.request({
      method: 'DELETE',
      path: pathOf(WORKSPACE_PLANS, { ...HOME, name: workspace }),
    });
    this.#plans.delete(workspace);
  }

  /** Of a pod that is there, with a token that is bound to it. */
  async startAgent(pod: string): Promise<void> {
    const { controlPlane } = this.admission;
    const kubeconfig = await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT, pod);
    const child = spawn(process.execPath, [AGENT, kubeconfig, pod], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#said.set(pod, '');
    child.stdout.on('data', (chunk: Buffer) => {
      this.#said.set(pod, `${this.#said.get(pod)}${chunk.toString()}`);
    });
    this.#agents.set(pod, child);
    await until(`${pod} watches`, () => this.#hasSaid(pod, 'watches'));
  }

  signal(pod: string, signal: NodeJS.Signals): void {
    this.#agents.get(pod)?.kill(signal);
  }

  /** Resolves when its drain has begun, and it has given the lease away where it held it. */
  async release(pod: string): Promise<void> {
    this.signal(pod, 'SIGTERM');
    await until(`${pod} has released`, () => this.#hasSaid(pod, 'released'));
  }

  #hasSaid(pod: string, message: string): boolean {
    return this.#said.get(pod)?.includes(`"${message}"`) === true;
  }

  /** As after a loss of power: nothing is given back. */
  async kill(pod: string): Promise<void> {
    const child = this.#agents.get(pod);
    this.#agents.delete(pod);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Undefined before there is one. */
  async lease(): Promise<LeaseSpec | undefined> {
    const lease = await this.#get(LEASES, GATEWAY_NAME);
    return lease?.['spec'] as LeaseSpec | undefined;
  }

  async untilHeldBy(pod: string): Promise<LeaseSpec> {
    let lease: LeaseSpec | undefined;
    await until(`${pod} holds the lease`, async () => {
      lease = await this.lease();
      return lease?.holderIdentity === pod;
    });
    return lease as LeaseSpec;
  }

  async storedSlices(): Promise<readonly KubernetesObject[]> {
    const path = pathOf(ENDPOINT_SLICES, HOME);
    const { items } = (await this.admission.root.request({ method: 'GET', path })) as {
      readonly items: readonly KubernetesObject[];
    };
    return items;
  }

  /** How many requests were made so far that write slices, whatever came of them: by one pod, or by all. */
  async sliceWrites(pod = ''): Promise<number> {
    const log = await readFile(this.#auditLog, 'utf8');
    const by = pod === '' ? '' : `"${POD_NAME_EXTRA}":["${pod}"]`;
    const isWrite = (line: string): boolean =>
      line.includes('"resource":"endpointslices"') && line.includes(by);
    return log.split('\n').filter(isWrite).length;
  }

  /** As the operator did before the gateways wrote them: the same objects, under its name. */
  async writeAsFormerRelease(
    plans: Readonly<Record<string, Lanes>>,
    addresses: readonly string[],
  ): Promise<void> {
    for (const [workspace, lanes] of Object.entries(plans)) {
      for (const [lane, first] of Object.entries(lanes)) {
        const service = laneServiceName(workspace, lane as Lane);
        const labels = {
          ...{ [MANAGED_BY_LABEL]: MANAGED_BY, [WORKSPACE_NAME_LABEL]: workspace },
          ...{ [SERVICE_NAME_LABEL]: service, [SLICE_MANAGER_LABEL]: SLICE_MANAGER },
        };
        const metadata = { ...HOME, name: `${service}-ipv4`, labels };
        await this.admission.root.request({
          method: 'PATCH',
          path: pathOf(ENDPOINT_SLICES, metadata),
          query: { fieldManager: 'sallyport-operator', force: 'true' },
          contentType: 'application/apply-patch+yaml',
          body: {
            ...{ apiVersion: ENDPOINT_SLICES.apiVersion, kind: ENDPOINT_SLICES.kind, metadata },
            addressType: 'IPv4',
            endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
            ports: LANE_PORTS.map(({ name, protocol, offset }) => ({ name, protocol, port: first + offset })),
          },
        });
      }
    }
  }

  async uidOf(slice: string): Promise<string | undefined> {
    return (await this.#get(ENDPOINT_SLICES, slice))?.metadata.uid;
  }

  /** Plans may say what this version cannot read, as those of a later one do. */
  async allowFutureField(): Promise<void> {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workspaceplans.sallyport.dev';
    const op = { op: 'add', value: { type: 'string' } };
    const field = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/future';
    await this.admission.root.request({
      ...{ method: 'PATCH', path, contentType: 'application/json-patch+json' },
      body: [{ ...op, path: field }],
    });
    await until('the field is known', async () => {
      try {
        await this.setPlan('later', { enforced: 8600 }, { future: 'x' });
      } catch (error) {
        // An API server that has not read the new schema yet rejects the field.
        if (error instanceof ApiFailure) return false;
        throw error;
      }
      const plan = await this.#get(WORKSPACE_PLANS, 'later');
      return (plan?.['spec'] as { readonly future?: string }).future === 'x';
    });
    await this.removePlan('later');
  }

  /** What a pool should write, by a reading of its own. */
  wanted(): Slices {
    const endpoints = [...this.#pods.values()].filter(({ isReady, isLeaving, hasEnvoy }) =>
      isLeaving ? hasEnvoy : isReady,
    );
    const lanes = [...this.#plans].flatMap(([workspace, ports]) =>
      Object.entries(ports).map(
        ([lane, first]) => [laneServiceName(workspace, lane as Lane), first] as const,
      ),
    );
    return Object.fromEntries(
      lanes.flatMap(([service, first]) =>
        [/\./, /:/].flatMap((family, at) => {
          const own = endpoints.flatMap(({ addresses, isLeaving }) => {
            const address = addresses.find((one) => family.test(one));
            return address === undefined ? [] : [isLeaving ? `${address} ${LEAVING}` : address];
          });
          const ports = Object.fromEntries(LANE_PORTS.map(({ name, offset }) => [name, first + offset]));
          return own.length === 0 ? [] : [[`${service}-ipv${at === 0 ? 4 : 6}`, [own.toSorted(), ports]]];
        }),
      ),
    ) as Slices;
  }

  async stored(): Promise<Slices> {
    const slices = (await this.storedSlices()) as unknown as readonly StoredSlice[];
    return Object.fromEntries(
      slices.map(({ metadata, endpoints, ports }) => [
        metadata.name,
        [
          (endpoints ?? []).flatMap(({ addresses, conditions }) =>
            addresses.map((address) =>
              conditions?.terminating === true ? `${address} ${LEAVING}` : address,
            ),
          ),
          Object.fromEntries(ports.map(({ name, port }) => [name, port])),
        ],
      ]),
    );
  }

  /** Resolves when the slices are those of the present pods and plans. */
  async settled(): Promise<void> {
    await until('the slices follow', async () => isDeepStrictEqual(await this.stored(), this.wanted())).catch(
      () => undefined,
    );
    expect(await this.stored()).toEqual(this.wanted());
  }

  /** As an administrator who breaks the glass. */
  async changeSlice(name: string, change: object): Promise<void> {
    await this.#merge(pathOf(ENDPOINT_SLICES, { ...HOME, name }), change);
  }

  async deleteSlice(name: string): Promise<void> {
    await this.#remove(ENDPOINT_SLICES, name);
  }

  async #get(resource: Resource, name: string): Promise<KubernetesObject | undefined> {
    try {
      const path = pathOf(resource, { ...HOME, name });
      return (await this.admission.root.request({ method: 'GET', path })) as KubernetesObject;
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  async #merge(path: string, body: object): Promise<void> {
    await this.admission.root.request({
      ...{ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' },
      query: { fieldManager: 'somebody' },
    });
  }

  async #remove(resource: Resource, name: string, query = {}): Promise<void> {
    const path = pathOf(resource, { ...HOME, name });
    await this.admission.root.request({ method: 'DELETE', path, query });
  }
}

interface StoredSlice {
  readonly metadata: { readonly name: string };
  readonly endpoints:
    | readonly {
        readonly addresses: readonly string[];
        readonly conditions?: { readonly terminating?: boolean };
      }[]
    | null;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}
