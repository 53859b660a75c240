// Services that take addresses, and endpoints of workspaces that no selector chose, which were there before admission
// denied them: the operator names each, with the rights that it has, and forgets what is gone.
import type { EventToRecord } from '../../operator/deliver/kubernetes/event-requests.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { formatProblem } from '../../operator/model/problem.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { AddressCheck } from '../../operator/roles/operator/address-check.ts';
import { ClusterScene, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const TAKING =
  'Service/shop/till: spec.externalIPs: It takes what gateways and pods of all Namespaces send to 203.0.113.9, 203.0.113.10: remove spec.externalIPs or use type LoadBalancer, unless an administrator wants this';
const LEADING =
  'EndpointSlice/analytics/by-hand: endpoints: Whoever dials Service "db", ingress gateways too, is led to 10.0.0.5, 10.0.0.6, which no selector chose: give the Service a selector, and delete its Endpoints and EndpointSlices written by hand';

let scene: ClusterScene;
let api: KubernetesApi;

beforeAll(async () => {
  scene = await ClusterScene.start();
  api = await connectKubernetes({ kubeconfig: await scene.operatorKubeconfig(), podServer: undefined });
  await scene.apply(workspaceYaml('analytics', '1001'));
  await scene.kubectl('create', 'namespace', 'shop');
  const ofSelector = 'endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io';
  await scene.apply(
    [
      serviceYaml('shop', 'till', '[203.0.113.9, 203.0.113.10]', 'app.kubernetes.io/managed-by: sallyport'),
      serviceYaml('sallyport-system', 'of-an-administrator', '[203.0.113.11]'),
      serviceYaml('shop', 'plain', '[]'),
      serviceYaml('analytics', 'db', '[]'),
      sliceYaml('analytics', 'by-hand', 'kubernetes.io/service-name: db'),
      sliceYaml('analytics', 'of-selector', `kubernetes.io/service-name: db, ${ofSelector}`),
      sliceYaml('sallyport-system', 'ours', 'kubernetes.io/service-name: lane'),
      sliceYaml('analytics', 'of-no-service', 'team: a'),
      sliceYaml('shop', 'elsewhere', 'kubernetes.io/service-name: plain'),
    ].join('---\n'),
  );
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await api?.close();
  await scene.stop();
});

function serviceYaml(namespace: string, name: string, externalIPs: string, labels = ''): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace}, labels: { ${labels} } }
spec: { ports: [{ port: 443 }], externalIPs: ${externalIPs} }
`;
}

function sliceYaml(namespace: string, name: string, labels: string): string {
  return `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: ${namespace}, labels: { ${labels} } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.5] }, { addresses: [10.0.0.6] }]
ports: [{ port: 443 }]
`;
}

function eventsIn(namespace: string): Promise<string> {
  const lines = '{range .items[*]}{.regarding.kind}/{.regarding.name} {.type} {.reason}{"\\n"}{end}';
  return scene.kubectl('get', 'events.events.k8s.io', '-n', namespace, '-o', `jsonpath=${lines}`);
}

/** As it stands within a line of JSON. */
function logged(sentence: string): string {
  return JSON.stringify(sentence).slice(1, -1);
}

it('reports them while it leads: in its log, in a metric, and by an Event of the object', async () => {
  const operator = await scene.startOperator();
  await until('the metric counts both', async () => {
    const page = await fetch(`http://127.0.0.1:${operator.running.healthPort}/metrics`);
    const text = await page.text();
    return ['ExternalAddresses', 'ForeignEndpoints'].every((reason) =>
      text.includes(`sallyport_problems{reason="${reason}"} 1`),
    );
  });
  for (const [namespace, event] of [
    ['shop', 'Service/till Warning ExternalAddresses'],
    ['analytics', 'EndpointSlice/by-hand Warning ForeignEndpoints'],
  ] as const)
    await until(`there is ${event}`, async () => (await eventsIn(namespace)).includes(event));
  for (const sentence of [TAKING, LEADING]) expect(operator.log().split(logged(sentence))).toHaveLength(2);
  await operator.stop();
});

it('names object, field, addresses and what to do, once in the log, and forgets what is gone', async () => {
  const events: EventToRecord[] = [];
  const lines: string[] = [];
  let changes = 0;
  const log = (text: string): void => void lines.push(text);
  const check = new AddressCheck({
    api,
    logger: { info: log, warn: log } as never,
    systemNamespace: SYSTEM_NAMESPACE,
    recorder: { record: async (event) => void events.push(event) },
    mayLook: () => true,
    workspaces: () => new Set(['analytics']),
    onChange: () => {
      changes += 1;
    },
  });
  await check.look();
  expect(check.problems().map(formatProblem).toSorted()).toEqual([LEADING, TAKING]);
  await check.look();
  expect(lines.toSorted()).toEqual([LEADING, TAKING]);
  // A series of Events goes on for as long as they are there.
  expect(events).toHaveLength(4);
  expect(changes).toBe(1);
  await scene.kubectl('patch', 'service', 'till', '-n', 'shop', '-p', '{"spec":{"externalIPs":null}}');
  await scene.kubectl('delete', 'endpointslice', 'by-hand', '-n', 'analytics');
  await check.look();
  expect([check.problems(), changes]).toEqual([[], 2]);
});
