// Isolation as canary pods measure it, on a real API server with the operator's own rights, Pod Security and admission.
// A stub plays scheduler and kubelet for the canary pods, and says what each node's network lets through; a real node
// is for the end-to-end suite.
import { pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import { PODS } from '../../operator/model/cluster-resources.ts';
import { CANARY_NAMESPACE, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { CanaryKubelet, CHOSEN_NODE } from '../support/cluster/canary-kubelet.ts';
import { assignmentYaml, ClusterScene, policyYaml, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

/** Some intervals between measurements, which are half a minute each here. */
const INTERVALS_MS = 180_000;
const NODE = 'node-a';
const GATEWAY_NODE = 'node-of-gateways';
const OPTIONS = { canaryImage: 'none.invalid/sallyport:test' };

let scene: ClusterScene;
let kubelet: CanaryKubelet;
let stopFirst: () => Promise<void>;

beforeAll(async () => {
  scene = await ClusterScene.start();
  kubelet = new CanaryKubelet(scene.gateways.api);
  kubelet.start();
  // Pods of a node that does not exist are deleted after a while.
  const nodes = [NODE, GATEWAY_NODE, CHOSEN_NODE].map(
    (name) => `{apiVersion: v1, kind: Node, metadata: {name: ${name}}}`,
  );
  await scene.apply(nodes.join('\n---\n'));
  const operator = await scene.startOperator(OPTIONS);
  stopFirst = operator.stop;
  await scene.gateways.startAgent('gw-1');
  await scene.apply(
    `${policyYaml('acme', ['a.example'])}---\n${assignmentYaml('ws', 'acme')}---\n${workspaceYaml('ws', '1')}`,
  );
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await kubelet.stop();
  await scene.stop();
});

function isolatedIs(begins: string): Promise<void> {
  return until(
    `Isolated is ${begins}`,
    async () => (await scene.condition('Isolated', 'spa', 'ws')).startsWith(begins),
    INTERVALS_MS,
  );
}

/** Ready takes its reason and its sentence from Isolated. */
async function readySaysTheSame(): Promise<void> {
  const [isolated, ready] = [
    await scene.condition('Isolated', 'spa', 'ws'),
    await scene.condition('Ready', 'spa', 'ws'),
  ];
  expect(ready).toBe(isolated);
}

function podYaml(namespace: string, name: string, labels = {}): string {
  const spec = { containers: [{ name: 'main', image: 'example.com/none' }] };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, labels }, spec });
}

/** As the scheduler and the kubelet would. */
async function runsOn(node: string, namespace: string, name: string): Promise<void> {
  const binding = { metadata: { name }, target: { kind: 'Node', name: node } };
  const path = pathOf(PODS, { namespace, name, subresource: 'binding' });
  await scene.gateways.api.request({
    method: 'POST',
    path,
    body: { ...binding, apiVersion: 'v1', kind: 'Binding' },
  });
  const status = { phase: 'Running', podIP: '10.9.0.7', podIPs: [{ ip: '10.9.0.7' }] };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const patch = JSON.stringify({ status: { ...status, conditions } });
  await scene.kubectl(
    'patch',
    'pod',
    name,
    '-n',
    namespace,
    '--subresource=status',
    '--type=merge',
    '-p',
    patch,
  );
}

it(
  'is unknown while there is no gateway that a canary may reach',
  async () => {
    await isolatedIs('Unknown NotMeasured No gateway is ready');
    await scene.untilCondition('Ready', 'Unknown NotMeasured', 'spa', 'ws');
    await readySaysTheSame();
    expect(kubelet.ran).toEqual([]);
  },
  INTERVALS_MS,
);

it(
  'is measured on a node of the choice of the scheduler where no pod is isolated yet',
  async () => {
    kubelet.networks.set(CHOSEN_NODE, 'enforced');
    await scene.apply(podYaml(SYSTEM_NAMESPACE, 'gw-1', { 'app.kubernetes.io/name': 'sallyport-gateway' }));
    await runsOn(GATEWAY_NODE, SYSTEM_NAMESPACE, 'gw-1');
    await isolatedIs('True Enforced');
    await scene.untilCondition('Ready', 'True', 'spa', 'ws');
    const [first] = kubelet.ran;
    expect(first?.spec).toMatchObject({
      automountServiceAccountToken: false,
      containers: [{ image: OPTIONS.canaryImage, args: expect.arrayContaining(['canary', '10.9.0.7:8081']) }],
    });
    expect(JSON.stringify(first)).not.toContain('serviceAccountToken');
  },
  INTERVALS_MS,
);

it(
  'turns False on the node of its pods when the network there lets a canary through, and says what to do',
  async () => {
    kubelet.networks.set(NODE, 'enforced');
    await scene.untilStamped('ws');
    await until('a pod may be made', () =>
      scene.apply(podYaml('ws', 'job')).then(
        () => true,
        () => false,
      ),
    );
    await runsOn(NODE, 'ws', 'job');
    await until('its node is measured', () => kubelet.ran.some(({ spec }) => spec.nodeName === NODE));
    await isolatedIs('True Enforced');
    kubelet.networks.set(NODE, 'open');
    await isolatedIs('False NotEnforced');
    await scene.untilCondition('Ready', 'False NotEnforced', 'spa', 'ws');
    await readySaysTheSame();
    expect(await scene.condition('Ready', 'spa', 'ws')).toMatch(
      /On node "node-a" a pod reached the API server at [\d.]+:443, which its KubeNetworkPolicy denies: install or repair a CNI/,
    );
    const about = ['-n', 'default', `--field-selector=regarding.name=${NODE}`];
    const events = ['events.events.k8s.io', ...about, '-o', 'jsonpath={.items[*].reason}'];
    await until('an Event says so', async () =>
      (await scene.kubectl('get', ...events)).includes('IsolationNotEnforced'),
    );
  },
  INTERVALS_MS,
);

it(
  'turns True again when the network is repaired, and what another leader left is deleted',
  async () => {
    const labels = { 'app.kubernetes.io/name': 'sallyport-canary' };
    const { spec } = kubelet.ran[0] ?? {};
    const { nodeName: _, ...content } = { ...spec };
    const left = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: CANARY_NAMESPACE, name: 'left', labels },
    };
    await scene.apply(JSON.stringify({ ...left, spec: content }));
    kubelet.networks.set(NODE, 'enforced');
    await isolatedIs('True Enforced');
    await until('no canary is left', async () => (await kubelet.pods()).length === 0);
  },
  INTERVALS_MS,
);

it(
  'stays as it is when another replica takes over, which measures anew',
  async () => {
    const sinceOf = () =>
      scene.field('{.status.conditions[?(@.type=="Isolated")].lastTransitionTime}', 'spa', 'ws');
    const [since, ran] = [await sinceOf(), kubelet.ran.length];
    await scene.startOperator({ ...OPTIONS, identity: 'operator-2' });
    await stopFirst();
    await until('the next leader has measured', () => kubelet.ran.length > ran);
    await until('its canary is gone', async () => (await kubelet.pods()).length === 0);
    await isolatedIs('True Enforced');
    expect(await sinceOf()).toBe(since);
  },
  INTERVALS_MS,
);
