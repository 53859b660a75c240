// The guards against lock-outs through `sallyport run`, by files in the folder: a list that would shut out whoever
// administered by the REST API is withheld until its annotation confirms it, also after a restart; and a change that
// nobody confirms in time is taken back by itself.
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { callApi, PROXY } from '../support/api/api-client.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';
import type { Command } from './command-line.ts';
import { READY, Scene } from './scene.ts';

const ADMIN = '192.0.2.7';
const VISITOR = '198.51.100.1';
const API = 'sallyport.dev/v1alpha1';
const WORKSPACE = `
apiVersion: v1
kind: Namespace
metadata: { name: analytics, labels: { sallyport.dev/workspace: '1001' } }
---
apiVersion: ${API}
kind: WorkspaceConf
metadata: { name: workspace, namespace: analytics }
spec: { enableIpAccessLists: true, ingress: { hosts: [analytics.example] } }
`;

let scene: Scene;
let authorizePort: number;
let apiPort: number;
let command: Command;

beforeAll(async () => {
  scene = await Scene.open([], { 'workspace.yaml': WORKSPACE, 'office.yaml': office(['192.0.2.0/24']) });
  [authorizePort = 0, apiPort = 0] = await freePorts(2);
  command = await start();
});

afterAll(() => scene.remove());

function office(ipAddresses: readonly string[], annotations: Readonly<Record<string, string>> = {}): string {
  return `
apiVersion: ${API}
kind: IpAccessList
metadata: ${JSON.stringify({ name: 'office', namespace: 'analytics', annotations })}
spec: { label: office, listType: ALLOW, ipAddresses: ${JSON.stringify(ipAddresses)} }
`;
}

async function start(): Promise<Command> {
  const api = ['--api-port', String(apiPort), '--api-trusted-proxy', PROXY];
  const started = scene.run([...api, '--authorize-port', String(authorizePort)]);
  await started.says(READY);
  return started;
}

function statusFor(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'analytics.example', 'x-real-ip': address };
    const place = { host: scene.outside.listenAddress, port: authorizePort, path: '/authorize' };
    const call = request({ ...place, headers, agent: false });
    call.once('response', (response) => resolve(response.resume().statusCode ?? 0));
    call.once('error', reject);
    call.end();
  });
}

/** Of the administrator, then of the visitor. */
async function statuses(): Promise<string> {
  return `${await statusFor(ADMIN)} ${await statusFor(VISITOR)}`;
}

async function untilStatuses(wanted: string): Promise<void> {
  await until(`they get ${wanted}`, async () => (await statuses()) === wanted);
}

async function administer(): Promise<void> {
  const text = await readFile(join(scene.state(), 'api-tokens.yaml'), 'utf8');
  const token = /token: *"?([\w-]{16,})/.exec(text)?.[1];
  const headers = { host: 'analytics.example', 'x-forwarded-for': ADMIN };
  const body = { label: 'bad', list_type: 'BLOCK', ip_addresses: ['203.0.113.9'] };
  const path = '/api/2.0/ip-access-lists';
  const origin = `http://${scene.outside.listenAddress}:${apiPort}`;
  const answer = await callApi(origin, token, { method: 'POST', path, headers, body });
  expect(answer).toMatchObject({ status: 200 });
}

const WITHHELD =
  /^Problem +IpAccessList\/analytics\/office: .*would shut out an administrator who called from 192\.0\.2\.7 .*sallyport\.dev\/confirm-lockout="192\.0\.2\.7"/m;

test('a list that shuts out an administrator is withheld, also after a restart, until it is confirmed', async () => {
  await untilStatuses('200 403');
  await administer();
  await scene.write('office.yaml', office(['198.51.100.0/24']));
  await command.says(WITHHELD);
  expect(await statuses()).toBe('200 403');
  await command.end('SIGINT');
  command = await start();
  await command.says(WITHHELD);
  expect(await statuses()).toBe('200 403');
  const other = { 'sallyport.dev/confirm-lockout': '192.0.2.8' };
  await scene.write('office.yaml', office(['198.51.100.0/24'], other));
  const marker = office([])
    .replace('"name":"office"', '"name":"marker"')
    .replace('label:', 'enabled: false, label:');
  await scene.write('marker.yaml', marker);
  await command.says(
    /IpAccessList "marker" is also of type ALLOW with label "office": neither replaces the other/,
  );
  expect(await statuses()).toBe('200 403');
  const confirmed = { 'sallyport.dev/confirm-lockout': ADMIN };
  await scene.write('office.yaml', office(['198.51.100.0/24'], confirmed));
  await untilStatuses('403 200');
  await command.says(/^Solved +IpAccessList\/analytics\/office: .* would shut out an administrator/m);
});

test('a change that is to be confirmed counts at once, and is taken back in time, or stays once it is', async () => {
  const both = ['192.0.2.0/24', '198.51.100.0/24'];
  const within = { 'sallyport.dev/confirm-within': '3s' };
  await scene.write('office.yaml', office(both, within));
  await untilStatuses('200 200');
  const taken = /not confirmed by .* and is taken back: .*sallyport\.dev\/confirmed="([0-9a-f]+)"/;
  const [, version = ''] = await command.says(taken);
  await untilStatuses('403 200');
  await scene.write('office.yaml', office(both, { ...within, 'sallyport.dev/confirmed': version }));
  await untilStatuses('200 200');
  await command.says(/^Solved +IpAccessList\/analytics\/office: .* is taken back/m);
});
