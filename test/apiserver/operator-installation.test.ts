// CustomResourceDefinitions of another version, or none, and a Kubernetes that is too old: the operator says so, and is
// not ready, so that an upgrade stops there; when they are right it goes on by itself.
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { InstallationCheck } from '../../operator/roles/operator/installation-check.ts';
import { ClusterScene, type Operator } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const FIELD = 'properties/spec/properties/egress/properties/clusterAccess';
const SENTENCE =
  'CustomResourceDefinition/networkpolicies.sallyport.dev: It is of another version ("schema.openAPIV3Schema.properties.spec.properties.egress.properties.clusterAccess" is missing), so fields of objects may get lost: apply those of this version with "kubectl apply --server-side --force-conflicts -f crds/", or set "crds.enabled" of the chart to true';

let scene: ClusterScene;
let api: KubernetesApi;

beforeAll(async () => {
  scene = await ClusterScene.start();
  api = await connectKubernetes({ kubeconfig: await scene.operatorKubeconfig(), podServer: undefined });
}, CONTROL_PLANE_TIMEOUT_MS);

afterEach(applyOwn);

afterAll(async () => {
  await api?.close();
  await scene.stop();
});

/** As a release had it that did not know the field. */
async function applyOlder(): Promise<void> {
  const path = `/spec/versions/0/schema/openAPIV3Schema/${FIELD}`;
  const patch = JSON.stringify([{ op: 'remove', path }]);
  await scene.kubectl('patch', 'crd', 'networkpolicies.sallyport.dev', '--type=json', '-p', patch);
}

async function applyOwn(): Promise<void> {
  await scene.kubectl('apply', '--server-side', '--force-conflicts', '-f', 'crds/');
}

async function page({ running }: Operator): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`http://127.0.0.1:${running.healthPort}/readyz`);
  return { status: response.status, text: await response.text() };
}

async function untilPage(operator: Operator, status: number, sentence: string): Promise<void> {
  await until(`/readyz is ${status} with ${sentence}`, async () => {
    const found = await page(operator);
    return found.status === status && found.text.includes(sentence);
  });
}

/** What is found with these answers of the API server. */
async function found(answering: Pick<KubernetesApi, 'request'>): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = (text: string): void => void lines.push(text);
  const logger = { error: log, info: log, warn: log };
  const check = new InstallationCheck({ api: answering, logger: logger as never, onChange: () => undefined });
  await check.look();
  await check.look();
  return lines;
}

it('finds nothing where the CRDs are its own, with the rights that the operator has', async () => {
  expect(await found(api)).toEqual([]);
});

it('is not ready with older CRDs, says once what to do, and goes on when they are applied', async () => {
  await applyOlder();
  const operator = await scene.startOperator();
  await untilPage(operator, 503, SENTENCE);
  expect(operator.log().split('It is of another version')).toHaveLength(2);
  await until('the metric counts it', async () => {
    const response = await fetch(`http://127.0.0.1:${operator.running.healthPort}/metrics`);
    return (await response.text()).includes('sallyport_problems{reason="CrdOfAnotherVersion"} 1');
  });
  await applyOwn();
  await untilPage(operator, 200, '[+] installation ok');
  expect(operator.log()).toContain('the installation is of this version again');
  await operator.stop();
}, 180_000);

it('notices a CRD that is replaced or deleted while it runs', async () => {
  const operator = await scene.startOperator();
  await untilPage(operator, 200, '[+] installation ok');
  await applyOlder();
  await untilPage(operator, 503, SENTENCE);
  await scene.kubectl('delete', 'crd', 'metastores.sallyport.dev');
  await untilPage(operator, 503, 'CustomResourceDefinition/metastores.sallyport.dev: It is not installed: ');
  await applyOwn();
  await untilPage(operator, 200, '[+] installation ok');
  await operator.stop();
}, 240_000);

it('names a Kubernetes that is too old, and only such', async () => {
  const answering = (major: string, minor: string): Pick<KubernetesApi, 'request'> => ({
    request: async (request) =>
      request.path === '/version'
        ? { major, minor, gitVersion: `v${major}.${minor}.2` }
        : api.request(request),
  });
  expect(await found(answering('1', '35'))).toEqual([
    'The API server is Kubernetes v1.35.2, which cannot stamp pods: upgrade it to 1.36 or newer',
  ]);
  for (const [major, minor] of [
    ['1', '36'],
    ['1', '36+'],
    ['1', '40'],
    ['2', '0'],
  ] as const)
    expect(await found(answering(major, minor))).toEqual([]);
});

it('says that it may not read them, and takes nothing for granted', async () => {
  const other = await connectKubernetes({
    kubeconfig: await scene.controlPlane.kubeconfigFor({ user: 'nobody', groups: [] }),
    podServer: undefined,
  });
  const lines: string[] = [];
  const logger = { error: () => undefined, info: () => undefined, warn: (text: string) => lines.push(text) };
  const check = new InstallationCheck({ api: other, logger: logger as never, onChange: () => undefined });
  check.start();
  await until('it has said so', () => lines.length > 0);
  expect(lines[0]).toMatch(/^Cannot read the CustomResourceDefinitions: .*forbidden/);
  expect(check.fault()).toBe(lines[0]);
  await check.stop();
  await other.close();
});
