// The ingress gateway on a real API server, with a real Envoy and the rights of its ServiceAccount: what the operator
// planned is enforced, and the report says what runs. No request is let through: its backend would be outside.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { readIngressConfig } from '../../operator/cluster-config.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import type { GatewayReportSpec } from '../../operator/model/gateway-report.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { IngressProcess } from '../../operator/roles/ingress/process.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../outside/certificates.ts';
import { ClusterScene } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { confYaml, listYaml } from '../support/cluster/ingress-yaml.ts';
import { visit } from '../support/envoy/ingress-client.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

const HOST = 'team.example.com';
const POD = 'door-1';

let scene: ClusterScene;
let authority: CertificateAuthority;
let folder: string;
let ports: readonly number[];
let gateway: IngressProcess | undefined;
/** Of the gateway. */
let output = '';

beforeAll(async () => {
  scene = await ClusterScene.start();
  authority = await createCertificateAuthority();
  folder = await mkdtemp(join(tmpdir(), 'sallyport-door-'));
  ports = await freePorts(3);
  await scene.startOperator();
  await apply(
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {sallyport.dev/workspace: w1}}\n',
  );
  await apply(
    'apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: team}\nspec: {ports: [{port: 80}]}\n',
  );
  await apply(listYaml('team', 'office', { ipAddresses: ['10.1.0.0/16'] }));
  const backends = [{ serviceName: 'web', port: 80 }];
  const ingress = { hosts: [HOST], backends, tlsSecretName: 'cert' };
  await apply(confYaml('team', { enableIpAccessLists: true, ingress }));
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await gateway?.stop();
  await scene.stop();
  await rm(folder, { recursive: true, force: true });
});

function apply(yaml: string): Promise<void> {
  return scene.apply(yaml);
}

function startGateway(kubeconfig = scene.controlPlane.adminKubeconfig): Promise<IngressProcess> {
  const options = {
    kubeconfig,
    namespace: SYSTEM_NAMESPACE,
    healthPort: '0',
    logLevel: 'info',
    podName: POD,
    state: folder,
    listenAddress: '127.0.0.1',
    ingressHttpPort: `${ports[0]}`,
    ingressHttpsPort: `${ports[1]}`,
    authorizePort: `${ports[2]}`,
    maxConnections: '1000',
    accountId: 'account',
    drainSeconds: '300',
    concurrency: '1',
  };
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      output += String(chunk);
      done();
    },
  });
  return IngressProcess.start(
    readIngressConfig(options, process.env),
    createLogger({ role: 'ingress', level: 'info', stream }),
  );
}

async function untilReport(what: string, holds: (report: GatewayReportSpec) => boolean): Promise<void> {
  let last: GatewayReportSpec | undefined;
  await until(`the gateway reports ${what}`, async () => {
    // Counts are reported with the next pass, in half a minute.
    gateway?.trigger();
    last = await scene.gateways.reportOf(POD);
    return last !== undefined && holds(last);
  }).catch((cause: unknown) => {
    throw new Error(`It reports ${JSON.stringify(last)}`, { cause });
  });
}

function applySecret(cert: string, key: string): Promise<void> {
  const stringData = JSON.stringify({ 'tls.crt': cert, 'tls.key': key });
  return apply(
    `apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: cert, namespace: team}\nstringData: ${stringData}\n`,
  );
}

function faultsOf({ ingressPlans = [] }: GatewayReportSpec): readonly string[] | undefined {
  const plan = ingressPlans.find(({ workspace }) => workspace === 'team');
  return plan === undefined ? undefined : (plan.faults ?? []).map(({ reason }) => reason);
}

test('an ingress gateway from its first plan to its certificate', async () => {
  gateway = await startGateway();
  await untilReport('what it lacks', (report) => faultsOf(report)?.join() === 'SecretNotFound');
  const denied = await visit({ at: `127.0.0.1:${ports[0]}`, host: HOST });
  expect(denied).toMatchObject({ status: 403, text: expect.stringContaining('127.0.0.1') });
  const at = `127.0.0.1:${ports[1]}`;
  expect(await visit({ at, host: HOST, ca: authority.caPem })).toMatchObject({ status: 0 });
  const { cert, key } = await authority.leafFor(HOST);
  await applySecret(cert, key);
  await untilReport('that nothing is missing', (report) => report.ready && faultsOf(report)?.length === 0);
  expect(await visit({ at, host: HOST, ca: authority.caPem })).toMatchObject({ status: 403 });
  await applySecret(cert, (await authority.leafFor('other.example.com')).key);
  await untilReport('why its certificate is the last one', ({ ingressPlans = [] }) =>
    /is not the key of .*last certificate stays in force/.test(ingressPlans[0]?.faults?.[0]?.message ?? ''),
  );
  expect(await visit({ at, host: HOST, ca: authority.caPem })).toMatchObject({ status: 403 });
  await applySecret(cert, key);
  await untilReport('that nothing is missing', (report) => faultsOf(report)?.length === 0);
});

test('a list is Programmed once the gateway runs it', async () => {
  await apply(listYaml('team', 'office', { ipAddresses: ['10.2.0.0/16'] }));
  const condition = '-o=jsonpath={.status.conditions[?(@.type=="Programmed")].status}';
  await until('the list is Programmed', async () => {
    return (await scene.kubectl('get', 'ipal', 'office', '-n', 'team', condition)) === 'True';
  });
  const ask = (path: string) => fetch(`http://127.0.0.1:${gateway?.healthPort}${path}`);
  expect((await ask('/readyz')).status).toBe(200);
  expect(await (await ask('/metrics')).text()).toMatch(/^sallyport_connections_refused_total.* 0$/m);
});

function statusFor(address: string, host = HOST): Promise<number> {
  const headers = { host, 'x-forwarded-for': address, 'x-forwarded-uri': '/login?token=hush-4711' };
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: ports[2], path: '/authorize', headers, agent: false });
    call.once('response', (response) => resolve(response.resume().statusCode ?? 0));
    call.once('error', reject);
    call.end();
  });
}

function authorizeRows(): readonly Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.includes('"inbound denial"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((row) => row['listener'] === 'authorize');
}

test('proxies of others may ask, and their clients have rows and hits as those of the gateway', async () => {
  expect(await statusFor('10.2.0.1')).toBe(200);
  expect(await statusFor('10.2.0.2')).toBe(200);
  expect(await statusFor('10.1.0.1')).toBe(403);
  expect(await statusFor('10.2.0.1', 'elsewhere.example.com')).toBe(403);
  await until('both denials have a row', () => Promise.resolve(authorizeRows().length >= 2));
  const what = { account_id: 'account', policy_outcome: 'DENY', status: 403 };
  expect(authorizeRows()).toEqual([
    expect.objectContaining({
      ...what,
      reason: 'NOT_IN_ALLOW_LIST',
      workspace: 'team',
      request_path: '/login',
    }),
    expect.objectContaining({ ...what, reason: 'UNKNOWN_HOST', host: 'elsewhere.example.com' }),
  ]);
  expect(output).not.toContain('hush-4711');
  await untilReport('the hits of both', ({ listHits = [] }) =>
    listHits.some(
      ({ workspace, listId, total }) => workspace === 'team' && listId === 'office' && total === 2,
    ),
  );
});

test('a gateway that cannot reach the API server serves what the last one did', async () => {
  await gateway?.stop();
  const [closed = 0] = await freePorts(1);
  const text = await readFile(scene.controlPlane.adminKubeconfig, 'utf8');
  const kubeconfig = join(folder, 'unreachable.yaml');
  await writeFile(kubeconfig, text.replace(/(https:\/\/[^:/]+:)\d+/, `$1${closed}`));
  gateway = await startGateway(kubeconfig);
  expect(await visit({ at: `127.0.0.1:${ports[0]}`, host: HOST })).toMatchObject({ status: 403 });
  const secure = { at: `127.0.0.1:${ports[1]}`, host: HOST, ca: authority.caPem };
  expect(await visit(secure)).toMatchObject({ status: 403 });
  expect(await statusFor('10.2.0.1')).toBe(200);
  const denied = authorizeRows().length;
  expect(await statusFor('10.1.0.1')).toBe(403);
  await until('the denial has its row', () => Promise.resolve(authorizeRows().length > denied));
  expect(authorizeRows().at(-1)).toMatchObject({ reason: 'NOT_IN_ALLOW_LIST', workspace: 'team' });
  expect((await fetch(`http://127.0.0.1:${gateway.healthPort}/readyz`)).status).not.toBe(200);
  await gateway.stop();
  for (const text of ['[{"kind":"IngressPlan"', '[{"kind":"IngressPlan","metadata":{"name":"team"}}]']) {
    await writeFile(join(folder, 'ingress-plans.json'), text);
    gateway = await startGateway(kubeconfig);
    expect(await statusFor('10.2.0.1')).toBe(503);
    await gateway.stop();
  }
});
