// The chart on a real API server: everything is valid and meets Pod Security "restricted", "helm test" says what is
// missing, upgrades and rollbacks change what they should, and after "helm uninstall" nothing of ours is left but what it
// should keep. An operator runs meanwhile, so there is everything that it writes.
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { readOperatorConfig } from '../../operator/cluster-config.ts';
import { currentTls } from '../../operator/denials/collector/server-certificate.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import { COLLECTOR_ACCOUNT, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { OperatorProcess } from '../../operator/roles/operator/process.ts';
import { ChartScene } from '../support/chart/chart-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const VALUES = {
  ingress: { enabled: true, authorize: { enabled: true } },
  api: { enabled: true, allowedFrom: [{ namespaceSelector: {} }] },
};
const EXAMPLES = ['analytics', 'fraud-models', 'sandbox'];
const CRD = /^CustomResourceDefinition <none> \w+\.sallyport\.dev$/;
/** What people write, and what the API server lists for the sake of CRDs. */
const KEPT =
  /^(?:NetworkPolicy|PolicyAssignment|Metastore|PrivateEndpoint|WorkspaceConf|IpAccessList|Namespace|Secret|APIService|PersistentVolumeClaim) /;
/** Of denials. */
const CLAIM = `PersistentVolumeClaim ${SYSTEM_NAMESPACE} sallyport-collector`;
const CERTIFICATE = new RegExp(`^(?:Secret|ConfigMap) ${SYSTEM_NAMESPACE} sallyport-collector$`);
const PLAIN = join(import.meta.dirname, '../../charts/plain');
const SILENCE = new Writable({ write: (_chunk, _encoding, done) => done() });
let scene: ChartScene;
let before: readonly string[];
let operator: OperatorProcess | undefined;

beforeAll(async () => {
  scene = await ChartScene.start();
  before = await scene.everything();
}, CONTROL_PLANE_TIMEOUT_MS);

afterEach(stopOperator);

afterAll(() => scene.stop());

async function stopOperator(): Promise<void> {
  await operator?.stop();
  operator = undefined;
}

/** Stops it when the test ends, however that is. */
async function startOperator(): Promise<OperatorProcess> {
  const kubeconfig = await scene.controlPlane.serviceAccountKubeconfig(
    SYSTEM_NAMESPACE,
    'sallyport-operator',
  );
  const options = { kubeconfig, namespace: SYSTEM_NAMESPACE, healthPort: '0', logLevel: 'error' };
  const config = readOperatorConfig({ ...options, clusterDomain: 'cluster.local', clusterDns: [] }, {});
  operator = await OperatorProcess.start(
    config,
    createLogger({ role: 'operator', level: 'error', stream: SILENCE }),
  );
  return operator;
}

/** Objects that were not there at first. */
async function added(): Promise<readonly string[]> {
  const known = new Set(before);
  return (await scene.everything()).filter((row) => !known.has(row));
}

async function deployment(name: string, path: string): Promise<string> {
  return scene.kubectl('get', 'deployment', name, '-n', SYSTEM_NAMESPACE, '-o', `jsonpath={${path}}`);
}

/** With the rights of the release. */
async function makeCollectorCertificate(): Promise<void> {
  const kubeconfig = await scene.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, COLLECTOR_ACCOUNT);
  const api = await connectKubernetes({ kubeconfig });
  const place = { api, systemNamespace: SYSTEM_NAMESPACE, onFailure: () => undefined };
  await currentTls(place, Date.now()).finally(() => api.close());
}

async function uninstall(): Promise<void> {
  const [helm, removal] = await Promise.all([
    scene.run('uninstall', ['--timeout', '120s']),
    scene.runPod('sallyport-remove-'),
  ]);
  expect(removal).toMatchObject({ code: 0, stderr: '' });
  expect(helm).toMatchObject({ code: 0 });
}

it('says that CRDs are missing where the release has none', async () => {
  const { code, stderr } = await scene.run('install', [], { crds: { enabled: false } });
  expect(code).not.toBe(0);
  expect(stderr).toContain('Cannot install without CRDs: callerreports.sallyport.dev, ');
  expect(await added()).toEqual([]);
});

it('installs, with nothing that the API server warns of, and pods that Pod Security lets in', async () => {
  const { code, stdout, stderr } = await scene.run('install', [], VALUES);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('helm test sallyport --namespace sallyport-system');
  await until('there are two pods of each program, and a collector', async () => {
    const rows = (await added()).filter((row) => row.startsWith('Pod '));
    return rows.length === 9;
  });
});

it('passes "helm test" while an operator is ready, and says what is missing otherwise', async () => {
  const { healthPort } = await startOperator();
  const page = `http://127.0.0.1:${healthPort}/readyz`;
  await until('the operator is ready', async () => (await fetch(page)).ok);
  const test = scene.run('test', ['--timeout', '120s']);
  const good = await scene.runPod('sallyport-test', { READY_PAGES: page });
  expect(good).toMatchObject({
    code: 0,
    stdout: 'All kinds are served, and an operator and a gateway are ready\n',
  });
  expect(await test).toMatchObject({ code: 0 });
  await stopOperator();
  const failing = scene.run('test', ['--timeout', '120s']);
  const bad = await scene.runPod('sallyport-test', { READY_PAGES: page, KINDS: 'NetworkPolicy Unheard' });
  expect(bad.stdout).toContain(
    'does not serve Unheard of sallyport.dev/v1alpha1 (status 200): install the CRDs',
  );
  expect(bad.stdout).toContain(`"${page}" is not ready (status 0)`);
  expect((await failing).code).not.toBe(0);
  await scene.kubectl('delete', 'pod', 'sallyport-test', '-n', SYSTEM_NAMESPACE);
});

it('changes by an upgrade what its values change, and a rollback takes it back', async () => {
  const changed = { gateway: { replicas: 3, drainSeconds: 60 } };
  expect(await scene.run('upgrade', [], changed)).toMatchObject({ code: 0, stderr: '' });
  const grace = '.spec.template.spec.terminationGracePeriodSeconds';
  expect(await deployment('sallyport-gateway', `.spec.replicas} {${grace}`)).toBe('3 90');
  await expect(deployment('sallyport-ingress', '.spec.replicas')).rejects.toThrow('not found');
  expect(await scene.run('rollback', ['1'])).toMatchObject({ code: 0, stderr: '' });
  expect(await deployment('sallyport-gateway', `.spec.replicas} {${grace}`)).toBe('2 330');
  expect(await deployment('sallyport-ingress', '.spec.replicas')).toBe('2');
});

async function makeDefaultStorageClass(provisioner: string): Promise<void> {
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  const metadata = { name: 'usual', annotations };
  const text = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata, provisioner };
  const outcome = await scene.controlPlane.kubectl(['create', '-f', '-'], { stdin: JSON.stringify(text) });
  expect(outcome).toMatchObject({ code: 0 });
}

/** The volume of the collector after an upgrade, and whether people are warned. */
async function collectorVolume(
  persistent: boolean | 'auto' = 'auto',
): Promise<{ isClaim: boolean; isWarned: boolean }> {
  const { code, stdout, stderr } = await scene.run('upgrade', [], { collector: { storage: { persistent } } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const volume = await deployment('sallyport-collector', '.spec.template.spec.volumes[0]');
  return {
    isClaim: volume.includes('persistentVolumeClaim'),
    isWarned: stdout.includes('GONE WITH THE POD'),
  };
}

it('claims a volume for denials where the cluster makes one, and keeps one that it has', async () => {
  const [claim, lost] = [
    { isClaim: true, isWarned: false },
    { isClaim: false, isWarned: true },
  ];
  expect(await collectorVolume()).toEqual(lost);
  await makeDefaultStorageClass('kubernetes.io/no-provisioner');
  expect(await collectorVolume()).toEqual(lost);
  await scene.kubectl('delete', 'storageclass', 'usual');
  await makeDefaultStorageClass('disks.example.com');
  expect(await collectorVolume(false)).toEqual(lost);
  expect(await collectorVolume()).toEqual(claim);
  await scene.kubectl('delete', 'storageclass', 'usual');
  expect(await scene.run('upgrade', [], { collector: { enabled: false } })).toMatchObject({ code: 0 });
  await expect(deployment('sallyport-collector', '.spec')).rejects.toThrow('not found');
  expect(await collectorVolume()).toEqual(claim);
});

it('leaves behind CRDs, and what people wrote, after "helm uninstall"', async () => {
  await startOperator();
  await scene.kubectl('apply', '--server-side', '--force-conflicts', '-f', 'examples/acme');
  const stamps = ['get', 'namespaces', ...EXAMPLES, '-o', 'jsonpath={.items[*].metadata.annotations}'];
  await until('the workspaces are stamped', async () => {
    return (await scene.kubectl(...stamps)).split('sallyport.dev/stamp').length === EXAMPLES.length + 1;
  });
  await makeCollectorCertificate();
  expect((await added()).filter((row) => CERTIFICATE.test(row))).toHaveLength(2);
  await uninstall();
  await stopOperator();
  expect(await scene.kubectl(...stamps)).not.toContain('sallyport.dev/');
  await until('the Namespace of canary pods is gone', async () => !(await added()).join().includes('canary'));
  const left = (await added()).filter((row) => !CRD.test(row));
  expect(left.filter((row) => !KEPT.test(row))).toEqual([]);
  expect(left.filter((row) => row.includes(SYSTEM_NAMESPACE))).toEqual([CLAIM]);
  expect((await added()).filter((row) => CRD.test(row))).toHaveLength(11);
});

it('takes kept CRDs over again, and with crds.keep false leaves nothing but what others have made', async () => {
  await scene.kubectl('delete', 'namespace', ...EXAMPLES);
  await scene.kubectl('delete', 'pvc', 'sallyport-collector', '-n', SYSTEM_NAMESPACE);
  await scene.kubectl('create', 'secret', 'generic', 'sallyport-collector', '-n', SYSTEM_NAMESPACE);
  const { code, stderr } = await scene.run('install', [], { crds: { keep: false } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await uninstall();
  await until('that Secret is left', async () => (await added()).every((row) => CERTIFICATE.test(row)));
  await scene.kubectl('delete', 'secret', 'sallyport-collector', '-n', SYSTEM_NAMESPACE);
  expect(await scene.everything()).toEqual(before);
});

it('can be applied and deleted without Helm, too', async () => {
  const { code, stderr } = await scene.controlPlane.kubectl(['apply', '--server-side', '-k', PLAIN]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await until('there are two pods of each program, and a collector', async () => {
    const rows = (await added()).filter((row) => row.startsWith('Pod '));
    return rows.length === 5;
  });
  await scene.kubectl('delete', '--ignore-not-found', '-k', PLAIN);
  const isOfNamespace = (row: string): boolean => row.includes(` ${SYSTEM_NAMESPACE} `);
  expect((await added()).filter((row) => !isOfNamespace(row))).toEqual([]);
});
