// `sallyport run` with hosts of workspaces: who is denied, by plain HTTP, ended TLS or TLS that is passed through, has a
// row with the list and the entry of that moment.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readHits } from '../../operator/denials/store/hits-file.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../outside/certificates.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { visit } from '../support/envoy/ingress-client.ts';
import { until } from '../support/until.ts';

const API = 'apiVersion: sallyport.dev/v1alpha1';
const HOST = 'analytics.example.com';
const INSIDE = '127.0.0.2';
const OUTSIDE = '127.0.0.3';
const WORKSPACE = `
apiVersion: v1
kind: Namespace
metadata: {name: analytics, labels: {sallyport.dev/workspace: w1}}
---
${API}
kind: IpAccessList
metadata: {name: trial, namespace: analytics}
spec: {label: trial, listType: BLOCK, ipAddresses: [${INSIDE}], mode: DRY_RUN}
`;

let authority: CertificateAuthority;
let fixture: GatewayFixture;
let server: Server;

beforeAll(async () => {
  server = createServer((_, response) => response.end('served'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  authority = await createCertificateAuthority();
  fixture = await startGateway({ names: [], files: { 'workspace.yaml': WORKSPACE } });
});

afterAll(async () => {
  await fixture.stop();
  server.close();
});

async function put(name: string, text: string): Promise<void> {
  await writeFile(join(fixture.folder, name), text);
  await fixture.gateway.refresh();
}

function putConf(more: string): Promise<void> {
  const { port } = server.address() as AddressInfo;
  return put(
    'conf.yaml',
    `
${API}
kind: WorkspaceConf
metadata: {name: workspace, namespace: analytics}
spec:
  enableIpAccessLists: true
  ingress: {hosts: [${HOST}], backends: [{address: 127.0.0.1, port: ${port}}]${more}}
`,
  );
}

function putBlocked(entry: string): Promise<void> {
  return put(
    'blocked.yaml',
    `
${API}
kind: IpAccessList
metadata: {name: blocked, namespace: analytics}
spec: {label: partners, listType: BLOCK, ipAddresses: ['${entry}']}
`,
  );
}

async function visitFrom(from: string, by: 'http' | 'https'): Promise<number> {
  const at = fixture.gateway.endpoints.ingress?.[0]?.[by] ?? '';
  const secure = by === 'https' ? { ca: authority.caPem } : {};
  return (await visit({ at, host: HOST, from, ...secure })).status;
}

/** As soon as there are so many. */
async function rows(count: number): Promise<readonly unknown[]> {
  let found: readonly unknown[] = [];
  const sql = `select source.ip as ip, policy_outcome as outcome, entry, rule_label as label, host, request_path as path,
    status from system.access.inbound_network order by sequence`;
  await until(`${count} rows are stored`, async () => {
    await fixture.gateway.drained();
    const answer = await fixture.gateway.query(sql);
    found = 'error' in answer ? [answer.error] : answer.rows;
    return found.length >= count;
  });
  return found;
}

const BLOCKED = { ip: OUTSIDE, outcome: 'DENY', label: 'partners', host: HOST };

test('by plain HTTP, each with the entry of its moment, and by a list in dry-run', async () => {
  await putConf('');
  await putBlocked('127.0.0.3/32');
  expect(await visitFrom(OUTSIDE, 'http')).toBe(403);
  await putBlocked('127.0.0.2/31');
  expect(await visitFrom(OUTSIDE, 'http')).toBe(403);
  await putBlocked('127.0.0.3');
  expect(await visitFrom(INSIDE, 'http')).toBe(200);
  const common = { ...BLOCKED, path: '/', status: 403 };
  expect(await rows(3)).toEqual([
    { ...common, entry: '127.0.0.3/32' },
    { ...common, entry: '127.0.0.2/31' },
    { ...common, ip: INSIDE, outcome: 'DENY_DRY_RUN', label: 'trial', entry: INSIDE, status: 200 },
  ]);
});

test('by TLS that ends at the gateway, and by TLS that is passed through', async () => {
  const { cert, key } = await authority.leafFor(HOST);
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  await put(
    'secret.yaml',
    `
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: cert, namespace: analytics}
data: {tls.crt: ${encoded(cert)}, tls.key: ${encoded(key)}}
`,
  );
  await putConf(', tlsSecretName: cert');
  expect(await visitFrom(OUTSIDE, 'https')).toBe(403);
  expect((await rows(4)).at(3)).toEqual({ ...BLOCKED, entry: '127.0.0.3', path: '/', status: 403 });
  await putConf(', tlsPassthrough: true');
  expect(await visitFrom(OUTSIDE, 'https')).toBe(0);
  expect((await rows(5)).at(4)).toEqual({ ...BLOCKED, entry: '127.0.0.3', path: null, status: null });
});

test('and the entries that decided are counted', async () => {
  await fixture.gateway.drained();
  const [workspace] = (await readHits(statePaths(stateOf(fixture)).hits))?.workspaces ?? [];
  const counts = workspace?.lists.map(({ listId, hits, entries }) => [listId, hits, entries[0]?.hits]);
  expect(new Map(counts?.map(([id, ...rest]) => [id, rest]))).toEqual(
    new Map([
      ['blocked', [4, 2]],
      ['trial', [1, 1]],
    ]),
  );
  expect(workspace).toMatchObject({ workspace: 'analytics', denied: 4, wouldBeDenied: 1 });
});

function stateOf({ logFolder }: GatewayFixture): string {
  return join(logFolder, '../..');
}
