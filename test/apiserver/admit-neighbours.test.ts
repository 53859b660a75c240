// What pods could take from others: addresses by hostIP of their ports, and their place on a node by priority.
import fc from 'fast-check';
import {
  type AdmissionScene,
  create,
  createPod,
  namespace,
  PLAIN,
  READY,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const SEED = 20_261_129;
const RUNS = 300;
const GATEWAY = '10.244.1.9';
const PUBLIC = '93.184.215.14';
/** A Namespace for privileged pods. */
const PRIVILEGED = 'agents';

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
  const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  await create(scene.root, namespace(PRIVILEGED, { labels }));
  // In a workspace it counts for nothing here.
  await scene.root.request({
    ...{ method: 'PATCH', path: `/api/v1/namespaces/${READY}`, body: { metadata: { labels } } },
    contentType: 'application/merge-patch+json',
  });
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

const hostIPs = fc.array(
  fc.oneof(
    fc.constantFrom(GATEWAY, PUBLIC, '2001:db8::7', '0.0.0.0', '::', '127.0.0.1', '127.9.9.9', '::1'),
    fc.constant(undefined),
  ),
  { maxLength: 3 },
);
const pod = fc.record({
  home: fc.constantFrom(READY, PLAIN, PRIVILEGED, 'kube-system'),
  hostNetwork: fc.boolean(),
  containers: hostIPs,
  initContainers: hostIPs,
});
const containersOf = (list: string, addresses: readonly (string | undefined)[]) =>
  addresses.map((hostIP, at) => ({
    ...{ name: `${list.toLowerCase()}-${at}`, image: 'none.invalid/app' },
    ports: [{ hostPort: 8080 + at, containerPort: 8080 + at, ...(hostIP === undefined ? {} : { hostIP }) }],
  }));

test('a pod takes no address by hostIP, unless it could take everything', async () => {
  const seen = new Set<boolean>();
  await fc.assert(
    fc.asyncProperty(pod, async ({ home, hostNetwork, containers, initContainers }) => {
      const spec = {
        hostNetwork,
        containers: [{ name: 'main', image: 'none.invalid/app' }, ...containersOf('containers', containers)],
        initContainers: containersOf('initContainers', initContainers),
      };
      const isOthers = (address: string | undefined) =>
        address !== undefined && !/^(?:127[.]|0[.]0|::1?$)/.test(address);
      const isExempt = hostNetwork || home === PRIVILEGED || home === 'kube-system';
      const isDenied = !isExempt && [...containers, ...initContainers].some(isOthers);
      seen.add(isDenied);
      const sentence = await rejection(scene.root, createPod(home, { spec }));
      if (isDenied) expect(sentence).toContain('Cannot start a pod with hostIP at a port');
      else expect(sentence).not.toContain('hostIP');
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(seen.size).toBe(2);
});

test('a pod of a workspace has no priority of the system, and any other', async () => {
  const priorityClass = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
  const body = { ...priorityClass, metadata: { name: 'highest' }, value: 1_000_000_000 };
  await scene.root.request({ method: 'POST', path: '/apis/scheduling.k8s.io/v1/priorityclasses', body });
  const start = (home: string, priorityClassName: string) =>
    rejection(scene.as.edit, createPod(home, { spec: { priorityClassName } }));
  for (const name of ['system-cluster-critical', 'system-node-critical']) {
    expect(await start(READY, name)).toContain(`Cannot start a pod with priorityClassName "${name}"`);
    expect(await start(PLAIN, name)).toBe('');
  }
  await until('the class to be known', () => start(READY, 'highest'));
  const higher = await rejection(scene.root, {
    ...{ method: 'POST', path: '/apis/scheduling.k8s.io/v1/priorityclasses' },
    body: { ...body, metadata: { name: 'higher' }, value: 1_000_000_001 },
  });
  expect(higher).toContain('maximum allowed value of a user defined priority is 1000000000');
});
