// The pods that the operator may make, with the rights that it has: canaries as it makes them, in their Namespace, and
// whatever else somebody with its token would rather have there.
import { canaryPod } from '../../operator/deliver/kubernetes/canary/canary-pod.ts';
import { CANARY_NAMESPACE } from '../../operator/model/system-names.ts';
import {
  type AdmissionScene,
  dryRun,
  PLAIN,
  READY,
  rejection,
  startAdmissionScene,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { type Creatable, collectionOf } from '../support/cluster/object-collection.ts';
import { mergePatch } from '../support/cluster/operator-oracle.ts';

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

const CANARY = canaryPod({
  ...{ name: 'canary-1', namespace: CANARY_NAMESPACE, image: 'none.invalid/app', node: 'node-a' },
  targets: {
    allowed: [{ name: 'a gateway', place: '10.0.0.1:8081' }],
    denied: [{ name: 'the API server', place: '10.96.0.1:443' }],
  },
});
const [CONTAINER] = (CANARY['spec'] as { readonly containers: readonly object[] }).containers;

function rejectionOf(patch: object): Promise<string> {
  const body = mergePatch(CANARY, patch) as Creatable;
  return rejection(scene.operator, dryRun({ method: 'POST', path: collectionOf(body), body }));
}

const container = (more: object) => ({ spec: { containers: [{ ...CONTAINER, ...more }] } });

it('a canary is accepted, on a node of its own or wherever the scheduler likes', async () => {
  expect(await rejectionOf({})).toBe('');
  expect(await rejectionOf({ spec: { affinity: null, tolerations: null } })).toBe('');
});

it.each<[string, object]>([
  ['another label', { metadata: { labels: { 'app.kubernetes.io/name': 'other' } } }],
  ['an owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'x' }] } }],
  ['a finalizer', { metadata: { finalizers: ['example.com/stay'] } }],
  ['a token', { spec: { automountServiceAccountToken: true } }],
  ['the usual token', { spec: { automountServiceAccountToken: null } }],
  ['another account', { spec: { serviceAccountName: 'default' } }],
  ['restarts', { spec: { restartPolicy: 'Always' } }],
  ['no end', { spec: { activeDeadlineSeconds: null } }],
  ['a late end', { spec: { activeDeadlineSeconds: 3600 } }],
  ['a volume', { spec: { volumes: [{ name: 'v', emptyDir: {} }] } }],
  ['an init container', { spec: { initContainers: [{ ...CONTAINER, name: 'first' }] } }],
  ['two containers', { spec: { containers: [CONTAINER, { ...CONTAINER, name: 'second' }] } }],
  ['a command', container({ command: ['sh'] })],
  ['a variable', container({ env: [{ name: 'HTTPS_PROXY', value: 'http://evil.invalid' }] })],
  ['a port', container({ ports: [{ containerPort: 8080 }] })],
  ['a priority of the system', { spec: { priorityClassName: 'system-node-critical' } }],
  ['another role', container({ args: ['operator'] })],
  ['no role', container({ args: [] })],
  ['a request of CPU', container({ resources: { requests: { cpu: '1m', memory: '0' } } })],
  ['the request that its limit is', container({ resources: { limits: { memory: '192Mi' } } })],
])('a pod with %s is rejected', async (_, patch) => {
  expect(await rejectionOf(patch)).toContain("ValidatingAdmissionPolicy 'sallyport-operator-canaries'");
});

it('a pod in the network of its node is rejected, where no KubeNetworkPolicy would hold for it', async () => {
  expect(await rejectionOf({ spec: { hostNetwork: true } })).toContain('PodSecurity "restricted');
});

it.each([PLAIN, READY, 'default'])('none is made in Namespace %s', async (namespace) => {
  expect(await rejectionOf({ metadata: { namespace } })).toContain('cannot create resource "pods"');
});
