// `sallyport run --authorize-port`: answers follow the folder, and become rows and counts, as a user sees them.
import { request } from 'node:http';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';
import { type Ended, sallyport } from './command-line.ts';
import { READY, Scene } from './scene.ts';

const API = 'sallyport.dev/v1alpha1';

function listYaml(name: string, listType: string, ipAddresses: readonly string[], more = ''): string {
  return `
apiVersion: ${API}
kind: IpAccessList
metadata: { name: ${name}, namespace: analytics }
spec: { label: ${name}, listType: ${listType}, ipAddresses: ${JSON.stringify(ipAddresses)}${more} }
`;
}

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
let port: number;

beforeAll(async () => {
  scene = await Scene.open([], {
    'workspace.yaml': WORKSPACE,
    'office.yaml': listYaml('office', 'ALLOW', ['192.0.2.0/24', '198.51.100.0/24']),
    'partners.yaml': listYaml('partners', 'BLOCK', ['192.0.2.7/28']),
    'trial.yaml': listYaml('trial', 'BLOCK', ['192.0.2.200'], ', mode: DRY_RUN'),
  });
  [port = 0] = await freePorts(1);
});

afterAll(() => scene.remove());

function statusFor(address: string, { outside }: Scene = scene): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'analytics.example', 'x-real-ip': address, 'x-forwarded-uri': '/login' };
    const call = request({
      port,
      host: outside.listenAddress,
      path: '/authorize',
      headers,
      agent: false,
    });
    call.once('response', (response) => resolve(response.resume().statusCode ?? 0));
    call.once('error', reject);
    call.end();
  });
}

function run(command: string, ...options: readonly string[]): Promise<Ended> {
  return sallyport([command, '--state', scene.state(), ...options]);
}

async function rowsOf(): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await run('denials', '--inbound', '--json');
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('answers follow the folder, and are seen in denials --inbound and lists, also after a restart', async () => {
  const command = scene.run(['--authorize-port', String(port)]);
  await command.says(READY);
  expect(await statusFor('192.0.2.33')).toBe(200);
  expect(await statusFor('192.0.2.9')).toBe(403);
  expect(await statusFor('192.0.2.200')).toBe(200);
  expect(await statusFor('203.0.113.1')).toBe(403);
  await scene.write('visitors.yaml', listYaml('visitors', 'ALLOW', ['203.0.113.1']));
  await until('the new list is in force', async () => (await statusFor('203.0.113.1')) === 200);
  await until('three kinds of rows are in the log', async () => {
    const reasons = new Set(
      (await rowsOf()).map(({ reason, policy_outcome: outcome }) => `${outcome} ${reason}`),
    );
    return reasons.size === 3;
  });
  expectRows(await rowsOf());
  await command.end('SIGINT');
  await expectLists();
  const again = scene.run(['--authorize-port', String(port)]);
  await again.says(READY);
  expect(await statusFor('192.0.2.33')).toBe(200);
  await until('it is counted beside the former', async () =>
    /office +ALLOW +ENFORCED +192\.0\.2\.0\/24 +3 /.test((await run('lists')).stdout),
  );
  await again.end('SIGINT');
});

function expectRows(rows: readonly Record<string, unknown>[]): void {
  const of = (ip: string) => rows.find(({ source }) => (source as { readonly ip: string }).ip === ip);
  const common = {
    workspace: 'analytics',
    workspace_id: '1001',
    listener: 'authorize',
    request_path: '/login',
  };
  expect(of('192.0.2.9')).toMatchObject({
    ...common,
    policy_outcome: 'DENY',
    rule_label: 'partners',
    list_id: 'partners',
    entry: '192.0.2.7/28',
  });
  expect(of('192.0.2.200')).toMatchObject({
    ...common,
    policy_outcome: 'DENY_DRY_RUN',
    list_id: 'trial',
    entry: '192.0.2.200',
    status: 200,
  });
  expect(of('203.0.113.1')).toMatchObject({ ...common, reason: 'NOT_IN_ALLOW_LIST', entry: null });
}

async function expectLists(): Promise<void> {
  const { stdout, status } = await run('lists', '--workspace', '1001');
  expect(status).toBe(0);
  const lines = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | ').replace(/ \| [^|]*Z$/, ''));
  expect(lines.filter((line) => !line.includes('visitors'))).toEqual([
    'WORKSPACE | LABEL | TYPE | MODE | ENTRY | HITS | LAST HIT',
    'analytics | office | ALLOW | ENFORCED | 192.0.2.0/24 | 2',
    'analytics | office | ALLOW | ENFORCED | 198.51.100.0/24 | 0 | never',
    'analytics | partners | BLOCK | ENFORCED | 192.0.2.7/28 | 1',
    'analytics | trial | BLOCK | DRY_RUN | 192.0.2.200 | 1',
    '',
  ]);
  const neverHit = await run('lists', '--never-hit');
  expect(neverHit.stdout).toMatch(/^WORKSPACE.*\n.*198\.51\.100\.0\/24.*\n$/);
}

test('a port that is taken is reported with the option to change', async () => {
  const other = await Scene.open([], { 'workspace.yaml': WORKSPACE });
  try {
    const [own = 0] = await freePorts(1);
    const first = other.run(['--authorize-port', String(own)]);
    await first.says(READY);
    const second = other.run(['--state', other.state('second'), '--authorize-port', String(own)]);
    const { status, stderr } = await second.ended();
    expect(status).toBe(1);
    expect(stderr).toContain(`Cannot serve /authorize on port ${own} of`);
    expect(stderr).toContain('choose another with --authorize-port');
  } finally {
    await other.remove();
  }
});

test.each([
  ['lists', '--json'],
  ['denials', '--inbound'],
  ['denials', '--json'],
])('%s %s names the workspaces there are where nobody knows the wanted one', async (command, option) => {
  const { status, stdout, stderr } = await run(command, option, '--workspace', 'nosuch');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^Cannot find workspace "nosuch" in ".*": known are "analytics"[^\n]*\n$/);
});

test('lists without a state directory says where it looked', async () => {
  const { status, stderr } = await sallyport(['lists', '--state', scene.state('nowhere')]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^No access lists in ".*nowhere\/hits\.json": start "sallyport run …" first\n$/);
});

test('a file that cannot be read opens nothing, neither at a first start nor at a restart', async () => {
  const broken = 'spec: [';
  const own = await Scene.open([], { 'workspace.yaml': WORKSPACE, 'office.yaml': broken });
  const options = ['--authorize-port', String(port)];
  try {
    const first = own.run(options);
    await first.says(READY);
    expect(await statusFor('192.0.2.33', own)).toBe(403);
    expect(await statusFor('203.0.113.1', own)).toBe(403);
    await own.write('office.yaml', listYaml('office', 'ALLOW', ['192.0.2.0/24']));
    await until('the list is in force', async () => (await statusFor('192.0.2.33', own)) === 200);
    await first.end('SIGINT');
    for (const text of [broken, '']) {
      await own.write('office.yaml', text);
      const again = own.run(options);
      await again.says(READY);
      expect(await statusFor('192.0.2.33', own)).toBe(200);
      expect(await statusFor('203.0.113.1', own)).toBe(403);
      await again.end('SIGKILL');
    }
  } finally {
    await own.remove();
  }
});
