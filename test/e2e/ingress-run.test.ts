// `sallyport run` with hosts of workspaces: an Envoy of its own follows every change of the folder.
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type CertificateAuthority, createCertificateAuthority } from '../outside/certificates.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { type VisitResult, visit } from '../support/envoy/ingress-client.ts';
import { until } from '../support/until.ts';

const HOST = 'analytics.example.com';
const INSIDE = '127.0.0.2';
const OUTSIDE = '127.0.0.3';
const WORKSPACE = `
apiVersion: v1
kind: Namespace
metadata: {name: analytics, labels: {sallyport.dev/workspace: w1}}
---
apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: {name: default-policy}
spec: {egress: {networkAccess: {restrictionMode: FULL_ACCESS}}}
`;

let server: Server;
let authority: CertificateAuthority;
let fixture: GatewayFixture;

beforeEach(async () => {
  server = createServer((request, response) => response.end(`served ${request.headers['x-forwarded-for']}`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  authority = await createCertificateAuthority();
  fixture = await startGateway({ names: [], files: { 'workspace.yaml': WORKSPACE } });
});

afterEach(async () => {
  await fixture.stop();
  server.close();
});

function conf(more = ''): string {
  const { port } = server.address() as AddressInfo;
  return `
apiVersion: sallyport.dev/v1alpha1
kind: WorkspaceConf
metadata: {name: workspace, namespace: analytics}
spec:
  enableIpAccessLists: true
  ingress: {hosts: [${HOST}], backends: [{address: 127.0.0.1, port: ${port}}]${more}}
`;
}

function lists(listType: 'ALLOW' | 'BLOCK', address: string): string {
  return `
apiVersion: sallyport.dev/v1alpha1
kind: IpAccessList
metadata: {name: office, namespace: analytics}
spec: {label: office, listType: ${listType}, ipAddresses: [${address}]}
`;
}

async function secret(cert: string, key: string): Promise<string> {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  return `
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: cert, namespace: analytics}
data: {tls.crt: ${encoded(cert)}, tls.key: ${encoded(key)}}
`;
}

async function put(name: string, text: string): Promise<void> {
  await writeFile(join(fixture.folder, name), text);
  await fixture.gateway.refresh();
}

async function take(name: string): Promise<void> {
  await rm(join(fixture.folder, name));
  await fixture.gateway.refresh();
}

function endpoint() {
  const found = fixture.gateway.endpoints.ingress?.[0];
  if (found === undefined) throw new Error('No host is listened for');
  return found;
}

function visitFrom(from: string): Promise<VisitResult> {
  return visit({ at: endpoint().http ?? '', host: HOST, from });
}

function secureVisit(): Promise<VisitResult> {
  return visit({ at: endpoint().https ?? '', host: HOST, from: INSIDE, ca: authority.caPem });
}

test('Envoy for ingress runs while a workspace has hosts, and obeys each change of a list at once', async () => {
  expect(fixture.gateway.ingressEnvoyPid).toBeUndefined();
  await put('conf.yaml', conf());
  await put('lists.yaml', lists('ALLOW', `${INSIDE}/32`));
  expect(await visitFrom(INSIDE)).toEqual({ status: 200, text: `served ${INSIDE}` });
  expect((await visitFrom(OUTSIDE)).status).toBe(403);
  await put('lists.yaml', lists('BLOCK', `${INSIDE}/32`));
  expect((await visitFrom(INSIDE)).status).toBe(403);
  expect((await visitFrom(OUTSIDE)).status).toBe(200);
  const at = endpoint().http ?? '';
  await take('conf.yaml');
  expect(fixture.gateway.ingressEnvoyPid).toBeUndefined();
  expect(fixture.gateway.endpoints.ingress).toBeUndefined();
  expect(await visit({ at, host: HOST })).toMatchObject({ status: 0 });
  await put('conf.yaml', conf());
  expect((await visitFrom(OUTSIDE)).status).toBe(200);
});

test('a certificate comes, is renewed, and stays where the next one cannot be used', async () => {
  const first = await authority.leafFor(HOST);
  await put('conf.yaml', conf(', tlsSecretName: cert'));
  await put('lists.yaml', lists('ALLOW', `${INSIDE}/32`));
  expect(fixture.problems).toContainEqual(
    expect.objectContaining({
      reason: 'SecretNotFound',
      object: 'WorkspaceConf/analytics/workspace',
      field: 'spec.ingress.tlsSecretName',
    }),
  );
  expect(endpoint().https).toBeNull();
  await put('secret.yaml', await secret(first.cert, first.key));
  expect(await secureVisit()).toMatchObject({ status: 200 });
  const other = await authority.leafFor('other.example.com');
  await put('secret.yaml', await secret(first.cert, other.key));
  expect(fixture.problems).toContainEqual(
    expect.objectContaining({ object: 'Secret/analytics/cert', field: 'data' }),
  );
  expect(JSON.stringify(fixture.problems)).not.toContain(other.key.slice(40, 60));
  expect(fixture.problems.find(({ object }) => object === 'Secret/analytics/cert')?.message).toMatch(
    /is not the key of .*; until then its last certificate stays in force$/,
  );
  expect(await secureVisit()).toMatchObject({ status: 200 });
  const renewed = await (await createCertificateAuthority()).leafFor(HOST);
  await put('secret.yaml', await secret(renewed.cert, renewed.key));
  expect(await secureVisit()).toMatchObject({ status: 0 });
});

test('a port that another process has is held back with what to do, and taken once it is free', async () => {
  const other = createServer().listen(8080, fixture.outside.listenAddress);
  await once(other, 'listening');
  await put('conf.yaml', conf());
  expect(fixture.heldBack).toEqual([expect.stringMatching(/Cannot listen on ".*:8080": another process/)]);
  expect(endpoint()).toMatchObject({ http: null, https: null });
  await once(other.close(), 'close');
  await until('the gateway listens', async () => {
    await fixture.gateway.refresh();
    return fixture.heldBack.length === 0;
  });
  await put('lists.yaml', lists('ALLOW', `${INSIDE}/32`));
  expect((await visitFrom(INSIDE)).status).toBe(200);
});

test('the death of one Envoy is nothing to the other', async () => {
  await put('conf.yaml', conf());
  await put('lists.yaml', lists('ALLOW', `${INSIDE}/32`));
  const { envoyPid, ingressEnvoyPid = 0 } = fixture.gateway;
  process.kill(ingressEnvoyPid, 'SIGKILL');
  await until('another one serves', async () => (await visitFrom(INSIDE)).status === 200);
  expect((await visitFrom(OUTSIDE)).status).toBe(403);
  expect(fixture.gateway.envoyPid).toBe(envoyPid);
  expect(fixture.gateway.ingressEnvoyPid).not.toBe(ingressEnvoyPid);
});
