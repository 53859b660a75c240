// What the operator wants, applied to a real API server: written once, restored when somebody changes it, removed when
// nobody wants it any more.
import type { ObjectWriter, Verb } from '../../operator/deliver/kubernetes/object-writer.ts';
import { differs, planWrites } from '../../operator/deliver/kubernetes/plan-writes.ts';
import type { KubernetesObject } from '../../operator/lib/kubernetes/api-object.ts';
import {
  EGRESS_TABLES,
  ENDPOINT_SLICES,
  INGRESS_PLANS,
  KUBE_NETWORK_POLICIES,
  NAMESPACES,
  SERVICES,
  WORKSPACE_PLANS,
} from '../../operator/model/cluster-resources.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, WORKSPACE_NAME_LABEL } from '../../operator/model/system-names.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../operator/pipeline.ts';
import { gatewayEndpoints, laneEndpoints } from '../../operator/render/kubernetes/objects/lane-endpoints.ts';
import { manifest, workspaceManifest } from '../fixtures/object-fixture.ts';
import { statusInput } from '../fixtures/status-fixture.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import {
  type DeliveryScene,
  managersOf,
  SYSTEM,
  startDeliveryScene,
} from '../support/cluster/delivery-scene.ts';

let scene: DeliveryScene;
beforeAll(async () => {
  scene = await startDeliveryScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

const OWNED = [
  EGRESS_TABLES,
  WORKSPACE_PLANS,
  INGRESS_PLANS,
  SERVICES,
  ENDPOINT_SLICES,
  KUBE_NETWORK_POLICIES,
];
const SETTINGS = {
  systemNamespace: SYSTEM,
  clusterDomain: 'cluster.local',
  clusterDns: [],
  apiServerEgress: 'ipBlock' as const,
  canaryNamespace: undefined,
};
const PORTS = [{ port: 5432, protocol: 'TCP' }];

/** One workspace with two gateways of both families, and a policy with peers that Kubernetes would write shorter. */
async function wanted(workspace: string): Promise<readonly KubernetesObject[]> {
  const networkAccess = { restrictionMode: 'RESTRICTED_ACCESS' };
  const peers = [
    { namespaceSelector: { matchLabels: { team: 'data' } }, podSelector: { matchLabels: {} }, ports: PORTS },
    { podSelector: { matchExpressions: [], matchLabels: { app: 'db' } }, ports: PORTS },
  ];
  const { state } = statusInput(
    manifest('NetworkPolicy', 'acme', {
      egress: { networkAccess, clusterAccess: { presets: ['KUBERNETES_API'], peers } },
    }),
    manifest('PolicyAssignment', workspace, { networkPolicyId: 'acme' }),
    workspaceManifest(workspace),
  );
  const services = await scene.observe(SERVICES);
  const addresses = [...services.values()].map(
    ({ metadata, spec }) => [metadata.name, (spec as { clusterIPs: string[] }).clusterIPs] as const,
  );
  const gatewayPods = [1, 2].map((at) => ({
    name: `gateway-${at}`,
    uid: `${at}`,
    addresses: [`10.244.0.${at}`, `fd00:244::${at}`],
    isReady: true,
  }));
  const apiServer = {
    serviceAddresses: ['10.96.0.1'],
    servicePorts: [443],
    addresses: ['10.96.0.1', 'fd00:10:96::1'],
    ports: [443, 6443],
  };
  const outputs = operatorOutputs(
    { ...state, gatewayPods, apiServer, serviceAddresses: new Map(addresses) },
    SETTINGS,
    NOTHING_REMEMBERED,
  );
  const endpoints = gatewayEndpoints(gatewayPods.map((pod) => ({ ...pod, serving: 'new' })));
  return [
    ...outputs.objects.filter(({ kind }) => kind !== 'PolicyAssignment'),
    // As the gateways write them.
    ...outputs.plans.flatMap((plan) => laneEndpoints(plan, endpoints, SYSTEM)),
  ];
}

function isOurs({ metadata }: KubernetesObject): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}

/** One pass, as the operator makes it; how many objects it wrote and removed. */
async function pass(
  objects: readonly KubernetesObject[],
  writer: ObjectWriter = scene.writer(),
): Promise<number> {
  const observed = await scene.observe(...OWNED);
  const { apply, remove } = planWrites(objects, observed, isOurs);
  const failures = [...(await writer.applyAll(apply, observed)), ...(await writer.removeAll(remove))];
  expect(failures).toEqual([]);
  return apply.length + remove.length;
}

/** Passes until nothing differs: with the first Services come the addresses that plans carry. */
async function delivered(workspace: string): Promise<readonly KubernetesObject[]> {
  await pass(await wanted(workspace));
  await pass(await wanted(workspace));
  return wanted(workspace);
}

function one(objects: readonly KubernetesObject[], kind: string, name: RegExp): KubernetesObject {
  const found = objects.find(({ kind: of, metadata }) => of === kind && name.test(metadata.name));
  if (found === undefined) throw new Error(`No ${kind} like ${name}`);
  return found;
}

interface Change {
  readonly of: readonly [string, RegExp];
  readonly to: object;
  /** How it is restored. */
  readonly verbs: readonly Verb[];
}

describe('ObjectWriter', () => {
  it('writes everything that a workspace needs, and then nothing more', async () => {
    await scene.namespace('analytics');
    const objects = await delivered('analytics');
    expect(new Set(objects.map(({ kind }) => kind))).toEqual(new Set(OWNED.map(({ kind }) => kind)));
    const before = scene.writes();
    expect(await pass(objects)).toBe(0);
    expect(scene.writes()).toBe(before);
    const isolation = one(objects, 'NetworkPolicy', /^sallyport-isolation/);
    expect(managersOf(await scene.get(isolation))).toEqual(['sallyport-operator']);
  });

  it.each<[string, Change]>([
    [
      'a selector',
      {
        of: ['NetworkPolicy', /^sallyport-lane-enforced/],
        to: { spec: { podSelector: { matchLabels: { x: 'y' } } } },
        verbs: ['apply'],
      },
    ],
    [
      'the kinds of rules',
      {
        of: ['NetworkPolicy', /^sallyport-isolation/],
        to: { spec: { policyTypes: ['Egress', 'Ingress'], ingress: [{}] } },
        verbs: ['apply', 'repair'],
      },
    ],
    [
      'rules',
      { of: ['NetworkPolicy', /^sallyport-lane-enforced/], to: { spec: { egress: [{}] } }, verbs: ['apply'] },
    ],
    [
      'a Service',
      {
        of: ['Service', /^ws-/],
        to: { spec: { type: 'NodePort', externalIPs: ['192.0.2.1'] } },
        verbs: ['apply', 'repair'],
      },
    ],
    [
      'a slice',
      {
        of: ['EndpointSlice', /ipv4$/],
        to: { endpoints: [{ addresses: ['192.0.2.1'], nodeName: 'x' }] },
        verbs: ['apply'],
      },
    ],
    [
      'a table',
      {
        of: ['EgressTable', /./],
        to: { spec: { denyReason: 'POLICY_NOT_FOUND', groups: [] } },
        verbs: ['apply', 'repair'],
      },
    ],
    [
      'labels',
      {
        of: ['WorkspacePlan', /./],
        to: { metadata: { labels: { [WORKSPACE_NAME_LABEL]: 'other' } } },
        verbs: ['apply'],
      },
    ],
  ])('restores %s that somebody changed', async (_, { of, to, verbs }) => {
    const objects = await wanted('analytics');
    const object = one(objects, ...of);
    expect(differs(object, await scene.merge(object, to))).toBe(true);
    const written: Verb[] = [];
    await pass(objects, scene.writer({ onWrite: ({ verb }) => written.push(verb) }));
    expect(written).toEqual(verbs);
    expect(differs(object, await scene.get(object))).toBe(false);
    expect(await pass(objects)).toBe(0);
  });

  it('leaves labels of others alone while it restores what is ours', async () => {
    const objects = await wanted('analytics');
    const service = one(objects, 'Service', /^ws-/);
    await scene.merge(service, { metadata: { labels: { team: 'theirs', [MANAGED_BY_LABEL]: null } } });
    await pass(objects);
    expect((await scene.get(service)).metadata.labels).toMatchObject({
      ...service.metadata.labels,
      team: 'theirs',
    });
  });

  it('gives a Service that was deleted the address that it had', async () => {
    const before = await wanted('analytics');
    const service = one(before, 'Service', /^ws-/);
    const { spec } = await scene.get(service);
    const { clusterIPs } = spec as { clusterIPs: string[] };
    await scene.remove(service);
    const asking = {
      ...service,
      spec: { ...(service['spec'] as object), clusterIP: clusterIPs[0], clusterIPs },
    };
    await pass(before.map((object) => (object === service ? asking : object)));
    expect(await scene.get(service)).toMatchObject({ spec: { clusterIPs } });
    expect(await pass(await wanted('analytics'))).toBe(0);
    // The field was ours while we asked for it, and is the server's again now.
    await scene.merge(service, { spec: { sessionAffinity: 'ClientIP' } });
    expect(await pass(await wanted('analytics'))).toBe(1);
    expect(await scene.get(service)).toMatchObject({ spec: { clusterIPs, sessionAffinity: 'None' } });
  });

  it('removes what is no longer wanted, and nothing of others', async () => {
    const objects = await wanted('analytics');
    const theirs = one(objects, 'NetworkPolicy', /^sallyport-isolation/);
    const { labels: _, ...metadata } = theirs.metadata;
    await scene.writer().create({ ...theirs, metadata: { ...metadata, name: 'theirs' } });
    expect(await pass([])).toBe(objects.length);
    const left = await scene.observe(...OWNED);
    expect([...left.keys()]).toEqual(
      expect.arrayContaining(['NetworkPolicy/analytics/theirs', 'Service/default/kubernetes']),
    );
    expect([...left.values()].filter(isOurs)).toEqual([]);
  });

  it('makes an object once, and never writes over it', async () => {
    const networkAccess = (restrictionMode: string): object => ({
      egress: { networkAccess: { restrictionMode } },
    });
    const policy = {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'NetworkPolicy',
      metadata: { name: 'default-policy' },
    };
    await scene.writer().create({ ...policy, spec: networkAccess('FULL_ACCESS') });
    await scene.writer().create({ ...policy, spec: networkAccess('RESTRICTED_ACCESS') });
    expect(await scene.get(policy)).toMatchObject({ spec: networkAccess('FULL_ACCESS') });
  });

  it('takes annotations back, whoever set them', async () => {
    const object = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: await scene.namespace('leaving').then(({ metadata }) => metadata),
    };
    const stamps = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'leaving', annotations: { 'sallyport.dev/stamp': 'a' } },
    };
    const observed = await scene.observe(NAMESPACES);
    expect([...(await scene.writer().applyAll([stamps], observed))]).toEqual([]);
    await scene.merge(object, { metadata: { annotations: { 'sallyport.dev/dns': 'b', theirs: 'c' } } });
    await scene.writer().removeAnnotations(object, ['sallyport.dev/stamp', 'sallyport.dev/dns']);
    expect((await scene.get(object)).metadata.annotations).toEqual({ theirs: 'c' });
  });

  it('writes many objects in one pass, and removes them in the next', async () => {
    await scene.namespace('many');
    const objects = Array.from({ length: 500 }, (_, at) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: `isolation-${at}`, namespace: 'many', labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
      spec: { podSelector: { matchLabels: { at: `${at}` } }, policyTypes: ['Egress'] },
    }));
    expect(await pass(objects)).toBe(500);
    expect(await pass([])).toBe(500);
  });
});
