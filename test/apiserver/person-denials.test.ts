// `kubectl sallyport denials` with real rights on a real API server and a real collector. An API server without nodes
// forwards no ports, so a connection to the collector stands for that; what it refuses, it refuses.
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { denialsCommand } from '../../operator/roles/denials/command.ts';
import type { DenialsOptions } from '../../operator/roles/denials/denial-request.ts';
import type { OpenPort } from '../../operator/roles/shared/collector-of-cluster.ts';
import { sampleBatch } from '../fixtures/denial-fixture.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { PersonScene } from '../support/cluster/person-scene.ts';
import { until } from '../support/until.ts';

const EXEC_API = 'client.authentication.k8s.io/v1';

let scene: PersonScene;
/** May get denials in team-a, and forward ports. */
let ada: string;
/** The same, by token. */
let reader: string;
/** May forward ports, and read nothing. */
let bob: string;
/** May do nothing. */
let eve: string;

beforeAll(async () => {
  scene = await PersonScene.start(storeRows);
  await grant();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene?.stop());

/** Three of team-a, of which one is of dry-run, and two of team-b; a collector finds them when it starts. */
async function storeRows(store: DenialStore): Promise<void> {
  await store.append(sampleBatch(0, 2, { pod: 'etl-0', who: 'POD' }));
  await store.append(sampleBatch(2, 3, { accessType: 'DRY_RUN_DENIAL', policy: 'trial' }));
  await store.append(sampleBatch(3, 5, { workspace: 'team-b', workspaceId: 'ws-2' }));
}

async function grant(): Promise<void> {
  const viewer = ['--clusterrole', 'sallyport-denials-viewer'];
  const home = ['-n', SYSTEM_NAMESPACE];
  await scene.kubectl('create', 'namespace', 'team-a');
  await scene.kubectl('create', 'serviceaccount', 'reader', '-n', 'team-a');
  const people = ['--user', 'ada', '--serviceaccount', 'team-a:reader'];
  await scene.kubectl('create', 'rolebinding', 'denials', '-n', 'team-a', ...viewer, ...people);
  await scene.kubectl('create', 'role', 'pods', ...home, '--verb', 'list', '--resource', 'pods');
  await scene.kubectl('create', 'rolebinding', 'pods', ...home, '--role', 'pods', ...people, '--user', 'bob');
  ada = await scene.controlPlane.kubeconfigFor({ user: 'ada' });
  bob = await scene.controlPlane.kubeconfigFor({ user: 'bob' });
  eve = await scene.controlPlane.kubeconfigFor({ user: 'eve' });
  reader = await scene.controlPlane.serviceAccountKubeconfig('team-a', 'reader');
}

interface Asked {
  readonly openPort?: OpenPort | undefined;
  readonly width?: number;
  readonly signal?: AbortSignal;
  readonly onOut?: (text: string) => void;
}

async function denials(
  options: DenialsOptions,
  { openPort = scene.openPort, width, signal, onOut }: Asked = {},
) {
  let out = '';
  let err = '';
  const terminal = {
    out: async (text: string) => {
      out += text;
      onOut?.(out);
    },
    bytes: () => Promise.reject(new Error('no file is asked for')),
    err: (text: string) => void (err += text),
    colour: false,
    ...(width === undefined ? {} : { width }),
  };
  const status = await denialsCommand(options, {
    ...{ environment: {}, isPlugin: true, terminal, openPort },
    ...(signal === undefined ? {} : { signal }),
  });
  return { status, out, err };
}

const destinationsOf = (out: string): readonly unknown[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly destination: string }).destination);

test('people see the rows of their workspaces, known by certificate or by token', async () => {
  const own = ['host-2.example.com', 'host-1.example.com', 'host-0.example.com'];
  for (const kubeconfig of [ada, reader]) {
    const { status, out, err } = await denials({ kubeconfig, output: 'json' });
    expect({ status, err, destinations: destinationsOf(out) }).toEqual({
      ...{ status: 0, err: '', destinations: own },
    });
  }
  const all = await denials({ kubeconfig: scene.controlPlane.adminKubeconfig, output: 'json', limit: '4' });
  expect(destinationsOf(all.out)).toEqual(['host-4.example.com', 'host-3.example.com', ...own.slice(0, 2)]);
  expect(all.err).toBe('Only the newest 4 are shown: narrow them, or choose another --limit (0: all)\n');
});

/** The kubeconfig of the token, but with a program that prints it. */
async function withExecPlugin(kubeconfig: string): Promise<string> {
  const config = load(await readFile(kubeconfig, 'utf8')) as {
    readonly users: readonly { readonly name: string; readonly user: { readonly token: string } }[];
  };
  const users = config.users.map(({ name, user: { token } }) => {
    const credential = { apiVersion: EXEC_API, kind: 'ExecCredential', status: { token } };
    const args = ['-c', `echo '${JSON.stringify(credential)}'`];
    return { name, user: { exec: { apiVersion: EXEC_API, command: 'sh', args, interactiveMode: 'Never' } } };
  });
  const path = join(scene.folder, 'exec.kubeconfig');
  await writeFile(path, JSON.stringify({ ...config, users }));
  return path;
}

test('people are known by the token of an exec plugin too, and not by a kubeconfig that acts as another user', async () => {
  const kubeconfig = await withExecPlugin(reader);
  const { out, err } = await denials({ kubeconfig, output: 'json' });
  expect({ err, rows: destinationsOf(out).length }).toEqual({ err: '', rows: 3 });
  const config = load(await readFile(scene.controlPlane.adminKubeconfig, 'utf8')) as {
    readonly users: readonly { readonly name: string; readonly user: object }[];
  };
  const users = config.users.map(({ name, user }) => ({ name, user: { ...user, as: 'system:admin' } }));
  const acting = join(scene.folder, 'acting.kubeconfig');
  await writeFile(acting, JSON.stringify({ ...config, users }));
  await scene.kubectl(
    'create',
    'clusterrolebinding',
    'acting',
    '--clusterrole',
    'cluster-admin',
    '--user',
    'system:admin',
  );
  expect(await denials({ kubeconfig: acting })).toMatchObject({
    ...{ status: 1, out: '' },
    err: expect.stringMatching(/^Cannot ask the collector as another user: /),
  });
});

test.each<[DenialsOptions, readonly string[]]>([
  [{ namespace: 'team-b' }, ['host-4.example.com', 'host-3.example.com']],
  [{ workspace: 'ws-2', limit: '1' }, ['host-4.example.com']],
  [{ pod: 'etl-0' }, ['host-1.example.com', 'host-0.example.com']],
  [{ policy: 'trial' }, ['host-2.example.com']],
  [{ policy: 'trial', product: 'general compute', until: '1s' }, ['host-2.example.com']],
  [{ policy: 'trial', product: 'jobs' }, ['host-2.example.com']],
  [{ dryRun: true, limit: '0' }, ['host-2.example.com']],
])('%j chooses rows', async (options, destinations) => {
  const kubeconfig = scene.controlPlane.adminKubeconfig;
  expect(destinationsOf((await denials({ kubeconfig, output: 'json', ...options })).out)).toEqual(
    destinations,
  );
});

test('tables fit terminals of 80 and of 160 columns, with the pod', async () => {
  for (const width of [80, 160]) {
    const { out } = await denials({ kubeconfig: ada }, { width });
    const lines = out.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines[0]).toMatch(/DESTINATION:PORT .*REASON .*POD$/);
    expect(lines[2]).toMatch(/ host-1\.ex.* etl-0$/);
    const top = (await denials({ kubeconfig: ada, top: true, since: '3650d' }, { width })).out.split('\n');
    expect(Math.max(...top.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(top.join('\n')).toMatch(/2 denied \(█\), 1 by dry-run \(░\)/);
  }
});

test('in a pipe --top leaves nothing out', async () => {
  const { out } = await denials({ kubeconfig: ada, top: true, since: '3650d' });
  expect(out).toMatch(/^DESTINATION:PORT .* LAST$/m);
});

test('--sql asks what it says, and its mistakes are said', async () => {
  const sql = 'select count(*)::int as n from system.access.outbound_network';
  expect(await denials({ kubeconfig: ada, sql, output: 'csv' })).toEqual({
    status: 0,
    out: 'n\n3\n',
    err: '',
  });
  const wrong = await denials({ kubeconfig: ada, sql: 'selec 1' });
  expect(wrong).toMatchObject({ status: 1, err: expect.stringMatching(/^Cannot read the query: /) });
});

test('who may not read is told the right that is missing', async () => {
  const right = 'you may not get denials.sallyport.dev in';
  const advice = 'ask an administrator to bind ClusterRole "sallyport-denials-viewer"';
  for (const namespace of ['team-a', undefined])
    expect(await denials({ kubeconfig: bob, ...(namespace && { namespace }) })).toEqual({
      ...{ status: 1, out: '' },
      err: `Cannot answer: ${right} the whole cluster, nor in any Namespace that has denials or pods; ${advice} in yours\n`,
    });
  expect(await denials({ kubeconfig: ada, namespace: 'team-b' })).toEqual({
    ...{ status: 1, out: '' },
    err: `Cannot read denials of "team-b": ${right} Namespace "team-b"; ${advice}\n`,
  });
  const { status, out, err } = await denials({ kubeconfig: ada, since: '1s' });
  expect({ status, out }).toEqual({ status: 0, out: 'No denials found\n' });
  expect(err).toContain(`${right} the whole cluster; for more ${advice}\n`);
});

test('who may not list or reach the pod is told so', async () => {
  const noList = await denials({ kubeconfig: eve });
  expect(noList.status).toBe(1);
  expect(noList.err).toMatch(
    /^Cannot read pods of Namespace "sallyport-system": pods is forbidden: User "eve" cannot list resource "pods"/,
  );
  const { forwardPort } = await import('../../operator/lib/kubernetes/forward-port.ts');
  expect(await denials({ kubeconfig: ada }, { openPort: forwardPort })).toEqual({
    ...{ status: 1, out: '' },
    err: 'Cannot open port 8444 of pod "sallyport-system/collector-1" through the API server: you may not create pods/portforward in Namespace "sallyport-system", nor get pods/portforward in Namespace "sallyport-system"; ask an administrator for a Role with these verbs\n',
  });
});

test.each<[DenialsOptions, RegExp]>([
  [
    { systemNamespace: 'default' },
    /^Cannot find anything of Sallyport in Namespace "default": install its chart, /,
  ],
  [
    { namespace: 'nosuch' },
    /^Cannot find workspace "nosuch" in the cluster: known are "team-a", "team-b"\n$/,
  ],
  [{ workspace: 'ws-3' }, /^Cannot find workspace "ws-3" in the cluster/],
  [{ namespace: 'nosuch', follow: true }, /^Cannot find workspace "nosuch" in the cluster/],
  [{ policy: 'typo' }, /^No row of the log names policy "typo": it names ".*"trial"/],
  [{ pod: 'etl-9' }, /^No row of the log names pod "etl-9": it names "etl-0"\n$/],
  [{ product: 'SQLS' }, /^No row of the log names product "SQLS": it names "JOBS"/],
  [
    { sql: 'select * from denials' },
    /^Cannot .*denials.*; the log has system\.access\.outbound_network, .*entry_uses\n$/,
  ],
  [{ context: 'nosuch' }, /^Cannot find context "nosuch" in kubeconfig ".*": it has "/],
  [{ as: 'ada' }, /^Cannot use --as with denials: /],
  [
    { kubeconfig: 'nosuch.yaml' },
    /^Cannot find out how to reach the API server from kubeconfig "nosuch\.yaml"/,
  ],
])('%j: what to do is said', async (options, sentence) => {
  const kubeconfig = scene.controlPlane.adminKubeconfig;
  const answer = await denials({ kubeconfig, ...options });
  expect(answer).toEqual({ status: 1, out: '', err: expect.stringMatching(sentence) });
});

test('a stream that ends, or of somebody else, is said', async () => {
  const ended = await denials(
    { kubeconfig: ada },
    { openPort: async () => connect(scene.collectorPort, '127.0.0.1').end() },
  );
  expect(ended).toMatchObject({
    status: 1,
    err: expect.stringMatching(/^Cannot connect to the collector: /),
  });
  const other = new URL(scene.controlPlane.server);
  const stranger = await denials(
    { kubeconfig: ada },
    { openPort: async () => connect(Number(other.port), other.hostname) },
  );
  expect(stranger.status).toBe(1);
  expect(stranger.err).toMatch(/^Cannot connect to the collector: .*certificate/);
});

test('--follow shows what was stored since, and goes on when the collector was away', async () => {
  const end = new AbortController();
  let shown = '';
  const following = denials(
    { kubeconfig: ada, follow: true, since: '3650d', output: 'json' },
    { signal: end.signal, onOut: (out) => (shown = out) },
  );
  await until('the rows of --since are there', () => shown.split('\n').length === 4);
  await scene.store((store) => store.append(sampleBatch(5, 6)));
  await until('the new row is there', () => shown.includes('host-5.'), 30_000);
  end.abort();
  expect(destinationsOf((await following).out)).toEqual(
    [0, 1, 2, 5].map((number) => `host-${number}.example.com`),
  );
}, 60_000);
