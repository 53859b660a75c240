// An Envoy and its server that fail midway, or are closed in the middle of a change: nothing new is left behind, an Envoy
// that runs goes on, and the next attempt succeeds.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { egressResources } from '../../operator/gateway/egress/egress-resources.ts';
import { ResourceFiles } from '../../operator/gateway/xds/resource-files.ts';
import { xdsSocketPath } from '../../operator/render/envoy/ads.ts';
import type { EnvoyConfig } from '../../operator/render/envoy/envoy-config.ts';
import { ask, type EnvoyFixture, envoyFixture, workspaceConfig } from '../support/envoy/envoy-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;
let port: number;

beforeEach(async () => {
  fixture = await envoyFixture();
  [port = 0] = await freePorts(1);
});

afterEach(() => fixture.remove());

function config(text: string): EnvoyConfig {
  return workspaceConfig(fixture.directory, 'a', port, text);
}

/** "connect", or why nobody listens for an Envoy. */
function listening(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(xdsSocketPath(fixture));
    const done = (answer: string) => (): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.on('connect', done('connect'));
    socket.on('error', (error: NodeJS.ErrnoException) => done(`${error.code}`)());
  });
}

const BROKEN = { nonsense: true };
const GONE: unknown = expect.stringMatching(/^E(?:NOENT|CONNREFUSED)$/);

test.each(['serve', 'serveRemembered'] as const)(
  '%s() that cannot start Envoy leaves neither an Envoy nor anybody who listens',
  async (call) => {
    const good = fixture.egress();
    await good.apply(config('a1'));
    await good.envoy.stop();
    const { envoy } = fixture.egress({ bootstrap: BROKEN });
    const failing = call === 'serve' ? envoy.serve(egressResources(config('a1'))) : envoy.serveRemembered();
    await expect(failing).rejects.toThrow(/Cannot start Envoy: .*nonsense/);
    expect([envoy.pid, await listening()]).toEqual([undefined, GONE]);
    const next = fixture.egress();
    expect(await next.envoy.serveRemembered()).toBe(true);
    expect(await next.apply(config('a2'))).toEqual({ status: 'applied' });
    expect(await ask(port)).toBe('200 a2');
  },
);

test('serve() that cannot listen leaves a former Envoy as it is, and succeeds once it can', async () => {
  const former = fixture.egress();
  await former.apply(config('a1'));
  const { pid } = former.envoy;
  await former.envoy.close();
  const inTheWay = join(xdsSocketPath(fixture), 'thing');
  await rm(xdsSocketPath(fixture), { force: true });
  await mkdir(inTheWay, { recursive: true });
  const next = fixture.egress();
  await expect(next.apply(config('a2'))).rejects.toThrow(xdsSocketPath(fixture));
  expect([next.envoy.pid, await ask(port)]).toEqual([undefined, '200 a1']);
  await rm(xdsSocketPath(fixture), { recursive: true });
  expect(await next.apply(config('a2'))).toEqual({ status: 'applied' });
  expect([next.envoy.pid, await ask(port)]).toEqual([pid, '200 a2']);
});

test('a bootstrap that cannot be written is named, and a former Envoy stays', async () => {
  const former = fixture.egress();
  await former.apply(config('a1'));
  await former.envoy.close();
  const path = join(fixture.directory, 'bootstrap.json');
  await rm(path);
  await mkdir(path);
  await expect(fixture.egress().apply(config('a2'))).rejects.toThrow(
    `Cannot write "${path}": a directory is in its place; remove that`,
  );
  // It may have been given the change before that.
  expect(await ask(port)).toMatch(/^200 a[12]$/);
});

test('an Envoy starts whose log is no file, and it is said which', async () => {
  const path = join(fixture.directory, 'log/access.log');
  await mkdir(path);
  const said: string[] = [];
  const { envoy } = fixture.egress({ onDamaged: (sentence) => said.push(sentence) });
  const { result } = await envoy.serve(egressResources(config('a1')));
  expect(said).toEqual([`Cannot write "${path}": a directory is in its place; remove that`]);
  // It would log nothing.
  expect(result).toMatchObject({ status: 'heldBack', heldBack: [{ kind: 'listener', name: 'listener-a' }] });
});

test('which Envoy runs is written as soon as it can be', async () => {
  const path = join(fixture.directory, 'envoy.json');
  await mkdir(path);
  const first = fixture.egress();
  const unsaved = [`Cannot write "${path}": a directory is in its place; remove that`];
  const applied = { result: { status: 'applied' } };
  const resources = egressResources(config('a1'));
  expect(await first.envoy.serve(resources)).toEqual({ ...applied, unsaved });
  await rm(path, { recursive: true });
  expect(await first.envoy.serve(resources)).toEqual({ ...applied, unsaved: [] });
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: first.envoy.pid });
});

test.each([
  ['goes on', { status: 'applied' }],
  ['hangs', { status: 'timeout' }],
] as const)('close() in the middle of a change waits for it where Envoy %s', async (how, result) => {
  const { apply, envoy } = await served();
  const pid = envoy.pid ?? 0;
  if (how === 'hangs') process.kill(pid, 'SIGSTOP');
  const changing = apply(config('a2'));
  await envoy.close();
  expect([await changing, await listening()]).toEqual([result, GONE]);
  if (how === 'hangs') process.kill(pid, 'SIGCONT');
  const stored = await new ResourceFiles(join(fixture.directory, 'resources')).read();
  expect(stored).toHaveLength(4);
  const next = fixture.egress();
  expect(await next.envoy.serveRemembered()).toBe(true);
  await until('it is in force', async () => (await ask(port)) === '200 a2');
  expect(next.envoy.pid).toBe(pid);
});

test.each(['bootstrap.json', 'log', 'xds.sock', 'admin.sock', 'envoy.json'])(
  'an Envoy that dies after somebody has removed %s is followed by one that serves the same',
  async (name) => {
    const { apply, envoy } = await served();
    const path = name === 'xds.sock' ? xdsSocketPath(fixture) : join(fixture.directory, name);
    await rm(path, { recursive: true });
    const { pid = 0 } = envoy;
    process.kill(pid, 'SIGKILL');
    await until('there is another one', () => ![undefined, pid].includes(envoy.pid));
    await until('it serves', async () => (await ask(port)) === '200 a1');
    await until('it takes a change', async () => (await apply(config('a2'))).status === 'applied');
    expect(await ask(port)).toBe('200 a2');
  },
);

async function served() {
  const egress = fixture.egress({ delivery: { timeoutMs: 2000 } });
  expect(await egress.apply(config('a1'))).toEqual({ status: 'applied' });
  return { apply: (wanted: EnvoyConfig) => egress.apply(wanted), envoy: egress.envoy };
}
