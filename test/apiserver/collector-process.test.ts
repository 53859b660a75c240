// `sallyport collector` on a real API server: its certificate, the gateways that follow it, and what it stores.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { connect } from 'node:tls';
import { load } from 'js-yaml';
import { Agent } from 'undici';
import { type CollectorOptions, readCollectorConfig } from '../../operator/cluster-config.ts';
import { readCollectorClient } from '../../operator/collector-config.ts';
import { currentTls } from '../../operator/denials/collector/server-certificate.ts';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { COLLECTOR_ACCOUNT, GATEWAY_ACCOUNT, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { CollectorProcess } from '../../operator/roles/collector/process.ts';
import { type Shipping, shipRows } from '../../operator/roles/shared/ship-rows.ts';
import { countsOf, sampleBatch } from '../fixtures/denial-fixture.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../outside/certificates.ts';
import { withClickhouse } from '../support/clickhouse-fixture.ts';
import { createClientAuthority } from '../support/cluster/client-authority.ts';
import { makeGatewayPod } from '../support/cluster/collector-scene.ts';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  installCollectorRoles,
  installRoles,
  startControlPlane,
} from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;
const HOME = `/api/v1/namespaces/${SYSTEM_NAMESPACE}`;

let controlPlane: ControlPlane;
let root: KubernetesApi;
let gateway: KubernetesApi;
let folder: string;
let kubeconfig: string;
let running: CollectorProcess;
let shipping: Shipping<Denial>;

const logged: string[] = [];
const logger = createLogger({
  ...{ role: 'test', level: 'warn' },
  stream: new Writable({
    write: (chunk, _encoding, done) => {
      logged.push(String(chunk));
      done();
    },
  }),
});

async function startCollector(changes: Partial<CollectorOptions> = {}): Promise<CollectorProcess> {
  const options = {
    ...{ kubeconfig, namespace: SYSTEM_NAMESPACE, healthPort: '0', logLevel: 'info', port: '0' },
    ...{ listenAddress: '127.0.0.1', state: join(folder, 'state'), retention: '365d', retentionSize: '1GB' },
    ...{ store: 'duckdb', ...changes },
  };
  return CollectorProcess.start(readCollectorConfig(options, {}), logger);
}

/** As gateway "gw-1", with the token that the kubelet would give it. */
function ship({ port }: CollectorProcess = running): Shipping<Denial> {
  const url = `https://127.0.0.1:${port}`;
  const config = readCollectorClient({ collector: url, collectorToken: join(folder, 'token') });
  if (config === undefined) throw new Error('no collector');
  const made = shipRows<Denial>(config, 'outbound', {
    ...{ api: gateway, namespace: SYSTEM_NAMESPACE },
    onFailure: () => undefined,
  });
  made.start();
  return made;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'collector-'));
  controlPlane = await startControlPlane();
  await installRoles(controlPlane);
  await installCollectorRoles(controlPlane);
  root = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
  kubeconfig = await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, COLLECTOR_ACCOUNT);
  gateway = await connectKubernetes({
    kubeconfig: await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT),
  });
  await writeFile(join(folder, 'token'), await makeGatewayPod(root, 'gw-1'));
  running = await startCollector();
  shipping = ship();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await shipping?.finish(async () => undefined, logger);
  await running?.stop();
  await Promise.all([root?.close(), gateway?.close()]);
  await controlPlane?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** As the tail of a log does. */
async function append(from: number, to: number, changes: Partial<Denial> = {}): Promise<void> {
  await until('the rows are taken', () =>
    shipping.sink.append(sampleBatch(from, to, changes)).then(
      () => true,
      () => false,
    ),
  );
}

async function stored(kind: 'secrets' | 'configmaps'): Promise<Readonly<Record<string, string>>> {
  const object = await root.request({ method: 'GET', path: `${HOME}/${kind}/sallyport-collector` });
  return (object as { readonly data: Readonly<Record<string, string>> }).data;
}

const authorities = async (): Promise<number> =>
  (await stored('configmaps'))['ca.crt']?.match(/BEGIN CERTIFICATE/g)?.length ?? 0;

test('a gateway finds the authority by the API server and ships; a renewed certificate is followed', async () => {
  await append(0, 10);
  expect(await authorities()).toBe(1);
  const before = await stored('secrets');
  const place = { api: root, systemNamespace: SYSTEM_NAMESPACE, onFailure: () => undefined };
  const later = Date.now() + 340 * DAY_MS;
  const { cert, clientCa } = await currentTls(place, later);
  expect(clientCa).toContain('BEGIN CERTIFICATE');
  expect(Buffer.from(before['tls.crt'] ?? '', 'base64').toString()).not.toBe(cert);
  // Former and new, so that both certificates are believed while gateways and collector change over.
  expect(await authorities()).toBe(2);
  await append(10, 20);
  await running.renew();
  await append(20, 30);
  expect((await currentTls(place, later)).cert).toBe(cert);
});

test('a certificate that is damaged or gone is made anew, and one that is good is left alone', async () => {
  const secret = await stored('secrets');
  await running.renew();
  expect(await stored('secrets')).toEqual(secret);
  await root.request({ method: 'DELETE', path: `${HOME}/secrets/sallyport-collector` });
  await root.request({ method: 'DELETE', path: `${HOME}/configmaps/sallyport-collector` });
  await running.renew();
  expect(await stored('secrets')).not.toEqual(secret);
  await append(30, 40);
});

/** As a gateway that starts now. */
async function isBelieved(): Promise<void> {
  const other = ship();
  await until('a gateway believes the collector', () =>
    other.sink.progress('gw-1').then(
      () => true,
      () => false,
    ),
  );
  await other.finish(async () => undefined, logger);
}

async function shownCertificate(): Promise<string> {
  const socket = connect({ port: running.port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw).toString().trim();
}

test('a certificate of somebody else is shown, followed with its authority, and kept where its successor is bad', async () => {
  const directory = join(folder, 'certificate');
  await mkdir(directory);
  const host = `sallyport-collector.${SYSTEM_NAMESPACE}.svc`;
  const give = async (authority: CertificateAuthority, name = host): Promise<string> => {
    const { cert, key } = await authority.leafFor(name);
    const files = { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.caPem };
    for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
    return cert.trim();
  };
  const [first, second] = [await createCertificateAuthority(), await createCertificateAuthority()];
  await running.stop();
  await expect(startCollector({ certificate: directory })).rejects.toThrow('Cannot read "tls.crt"');
  const original = await give(first);
  running = await startCollector({ certificate: directory });
  expect(await shownCertificate()).toBe(original);
  await isBelieved();
  const renewed = await give(second);
  await running.renew();
  expect(await shownCertificate()).toBe(renewed);
  expect(await authorities()).toBe(2);
  await isBelieved();
  await give(second, 'elsewhere.example');
  await running.renew();
  expect(await shownCertificate()).toBe(renewed);
  await running.stop();
  running = await startCollector();
  await isBelieved();
});

test('rows and certificate stay when the collector starts anew; the last rows are shipped before a gateway ends', async () => {
  const secret = await stored('secrets');
  await running.stop();
  await expect(shipping.sink.append(sampleBatch(40, 50))).rejects.toThrow();
  running = await startCollector();
  expect(await stored('secrets')).toEqual(secret);
  await shipping.finish(async () => undefined, logger);
  shipping = ship();
  const last = shipping;
  let isDrained = false;
  await last.finish(async () => {
    await append(40, 50);
    isDrained = true;
  }, logger);
  expect(isDrained).toBe(true);
  await running.stop();
  const store = await DenialStore.open(join(folder, 'state', 'denials.duckdb'), { readOnly: true });
  expect((await countsOf(store))?.['total']).toBe(50);
  await store.close();
  running = await startCollector();
  shipping = ship();
});

/** As a person, by certificate or token. */
async function query(
  credentials: { readonly kubeconfig: string } | { readonly token: string },
  { port }: CollectorProcess = running,
) {
  const servername = `sallyport-collector.${SYSTEM_NAMESPACE}.svc`;
  const ca = (await stored('configmaps'))['ca.crt'] ?? '';
  const isToken = 'token' in credentials;
  const connect = { ca, servername, ...(isToken ? {} : await clientCertificate(credentials.kubeconfig)) };
  const agent = new Agent({ connect });
  const sql = 'select workspace, count(*)::int as n from system.access.outbound_network group by all';
  const { statusCode, body } = await agent.request({
    ...{ origin: `https://127.0.0.1:${port}`, path: '/v1/query', method: 'POST' },
    headers: {
      'content-type': 'application/json',
      ...(isToken ? { authorization: `Bearer ${credentials.token}` } : {}),
    },
    body: JSON.stringify({ sql }),
  });
  const { rows, error } = (await body.json()) as { readonly rows?: object[]; readonly error?: string };
  await agent.close();
  return { statusCode, answer: rows ?? error };
}

async function clientCertificate(path: string) {
  const { users } = load(await readFile(path, 'utf8')) as {
    readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
  };
  const decode = (key: string): string => Buffer.from(users[0]?.user[key] ?? '', 'base64').toString();
  return { cert: decode('client-certificate-data'), key: decode('client-key-data') };
}

/** Who may read what: "ada" and a ServiceAccount one workspace, the group "auditors" all. */
async function grant(): Promise<string> {
  for (const name of ['team-a', 'team-b'])
    await root.request({
      ...{ method: 'POST', path: '/api/v1/namespaces' },
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    });
  const role = ['--clusterrole', 'sallyport-denials-viewer'];
  const own = ['--user', 'ada', '--serviceaccount', 'team-a:reader'];
  await controlPlane.kubectl(['create', 'rolebinding', 'a', '-n', 'team-a', ...role, ...own]);
  await controlPlane.kubectl(['create', 'clusterrolebinding', 'all', ...role, '--group', 'auditors']);
  await controlPlane.kubectl(['create', 'serviceaccount', 'reader', '-n', 'team-a']);
  return (await controlPlane.kubectl(['create', 'token', 'reader', '-n', 'team-a'])).stdout.trim();
}

/** With a certificate of somebody else's authority. */
async function strangersKubeconfig(): Promise<string> {
  const strangers = await createClientAuthority();
  const { certificate, key } = await strangers.signUser({ user: 'eve', groups: ['auditors'] });
  const file = join(folder, 'stranger.yaml');
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const user = { 'client-certificate-data': encode(certificate), 'client-key-data': encode(key) };
  await writeFile(file, JSON.stringify({ users: [{ user }] }));
  return file;
}

test('people read the denials of the workspaces in which they may get them, by certificate or token', async () => {
  await append(50, 53, { workspace: 'team-b' });
  const token = await grant();
  const own = { statusCode: 200, answer: [{ workspace: 'team-a', n: 50 }] };
  const kubeconfigOf = (user: string, groups: readonly string[] = []) =>
    controlPlane.kubeconfigFor({ user, groups });
  expect(await query({ kubeconfig: await kubeconfigOf('ada', ['analysts']) })).toEqual(own);
  expect(await query({ token })).toEqual(own);
  const all = await query({ kubeconfig: await kubeconfigOf('eve', ['auditors']) });
  expect(all.answer).toEqual(expect.arrayContaining([...own.answer, { workspace: 'team-b', n: 3 }]));
  expect(await query({ kubeconfig: await kubeconfigOf('bob') })).toMatchObject({
    ...{ statusCode: 403, answer: expect.stringContaining('bind ClusterRole "sallyport-denials-viewer"') },
  });
  const gatewayOnly = (await readFile(join(folder, 'token'), 'utf8')).trim();
  expect(await query({ token: gatewayOnly })).toMatchObject({ statusCode: 403 });
  expect(await query({ kubeconfig: await strangersKubeconfig() })).toMatchObject({ statusCode: 401 });
});

test('what it goes on refusing is a line, and a number later', async () => {
  const bob = await controlPlane.kubeconfigFor({ user: 'bob', groups: [] });
  for (let asked = 0; asked < 30; asked += 1)
    expect(await query({ kubeconfig: bob })).toMatchObject({ statusCode: 403 });
  const refused = logged.filter((line) => line.includes('"requests were refused"'));
  expect(refused.find((line) => line.includes('"status":403'))).toContain('sallyport-denials-viewer');
  // In ten seconds one of a kind.
  expect(refused.length).toBeLessThan(15);
});

test('its metrics say what was stored and refused', async () => {
  await append(53, 63);
  const answer = await fetch(`http://127.0.0.1:${running.healthPort}/metrics`);
  const text = await answer.text();
  expect(text).toContain('sallyport_collector_rows_total{direction="outbound"} 13');
  expect(text).toContain('sallyport_collector_lag_seconds_count');
});

test('a denied pod is found by its address, and has an Event', async () => {
  const pods = '/api/v1/namespaces/team-a/pods';
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'etl-0' } },
    spec: { containers: [{ name: 'main', image: 'none' }], automountServiceAccountToken: false },
  };
  await until('a pod is admitted', () =>
    root.request({ method: 'POST', path: pods, body: pod }).then(
      () => true,
      () => false,
    ),
  );
  const status = { phase: 'Running', podIP: '10.7.0.1', podIPs: [{ ip: '10.7.0.1' }] };
  await root.request({
    ...{ method: 'PATCH', path: `${pods}/etl-0/status`, contentType: 'application/merge-patch+json' },
    body: { status: { ...status, startTime: '2025-12-31T00:00:00Z' } },
  });
  let number = 63;
  const path = '/apis/events.k8s.io/v1/namespaces/team-a/events';
  await until('the pod has an Event', async () => {
    await append(number, number + 1, { source: '10.7.0.1:50000' });
    number += 1;
    const { items } = (await root.request({ method: 'GET', path })) as {
      readonly items: readonly { readonly reason: string; readonly regarding: { readonly name: string } }[];
    };
    return items.some(({ reason, regarding }) => reason === 'EgressDenied' && regarding.name === 'etl-0');
  });
});

test('an administrator lets the collector read more kinds of owners by the label of a role', async () => {
  const user = `system:serviceaccount:${SYSTEM_NAMESPACE}:${COLLECTOR_ACCOUNT}`;
  const may = async (verb: string): Promise<boolean> => {
    const asked = ['auth', 'can-i', verb, 'controllerrevisions.apps', '-n', 'team-a', '--as', user];
    return (await controlPlane.kubectl(asked)).stdout.trim() === 'yes';
  };
  expect(await may('get')).toBe(false);
  const role = {
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
    metadata: { name: 'more-owners', labels: { 'sallyport.dev/aggregate-to-collector': 'true' } },
    rules: [{ apiGroups: ['apps'], resources: ['controllerrevisions'], verbs: ['get'] }],
  };
  await root.request({
    method: 'POST',
    path: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    body: role,
  });
  await until('the right is in force', () => may('get'));
  expect(await may('list')).toBe(false);
});

test('collectors without a state share what is in ClickHouse', () =>
  withClickhouse(folder, async ({ url, user }) => {
    const credentials = join(folder, 'clickhouse-credentials');
    await mkdir(credentials);
    for (const [name, text] of Object.entries(user)) await writeFile(join(credentials, name), `${text}\n`);
    const options = {
      ...{ store: 'clickhouse', clickhouseUrl: url.origin, clickhouseCredentials: credentials },
      state: join(folder, 'none'),
    };
    const collectors = [await startCollector(options), await startCollector(options)] as const;
    const [first, second] = [ship(collectors[0]), ship(collectors[1])];
    const taken = (way: Shipping<Denial>, from: number, to: number) =>
      until('the rows are taken', () =>
        way.sink.append(sampleBatch(from, to)).then(
          () => true,
          () => false,
        ),
      );
    await taken(first, 0, 10);
    await taken(second, 10, 20);
    expect((await first.sink.progress('gw-1')).lastSequence).toBe(20);
    expect(await first.sink.append(sampleBatch(10, 20))).toEqual({ stored: 0, duplicates: 10 });
    await expect(first.sink.append(sampleBatch(15, 25))).rejects.toThrow('answered 409');
    const administrator = { kubeconfig: controlPlane.adminKubeconfig };
    for (const collector of collectors)
      expect(await query(administrator, collector)).toMatchObject({
        statusCode: 200,
        answer: [{ workspace: 'team-a', n: 20 }],
      });
    for (const way of [first, second]) await way.finish(async () => undefined, logger);
    for (const collector of collectors) await collector.stop();
  }));
