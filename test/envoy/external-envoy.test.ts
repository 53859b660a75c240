// An Envoy that another container of the pod runs: the gateway waits for it, tells it everything, notices its restarts,
// and never starts, ends or replaces it.
import { access, appendFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Drain } from '../../operator/gateway/process/drain.ts';
import { ExternalEnvoy } from '../../operator/gateway/process/external-envoy.ts';
import type { EnvoyConfig } from '../../operator/render/envoy/envoy-config.ts';
import { EnvoyContainer } from '../support/envoy/envoy-container.ts';
import {
  ask,
  type EgressEnvoy,
  type EnvoyFixture,
  envoyFixture,
  workspaceConfig,
} from '../support/envoy/envoy-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;
let port: number;
let container: EnvoyContainer | undefined;
let said: string[];

beforeEach(async () => {
  fixture = await envoyFixture();
  [port = 0] = await freePorts(1);
  said = [];
});

afterEach(async () => {
  await container?.end('SIGKILL');
  container = undefined;
  await fixture.remove();
});

function config(text: string): EnvoyConfig {
  return workspaceConfig(fixture.directory, 'a', port, text);
}

function egress(): EgressEnvoy {
  return fixture.egress({
    binary: undefined,
    onStart: (how) => said.push(how),
    onExit: ({ text }) => said.push(text),
    onRestart: () => said.push('again'),
  });
}

function startContainer(): EnvoyContainer {
  container = new EnvoyContainer(fixture.options.binary, fixture.directory);
  return container;
}

async function inForce(agent: EgressEnvoy, text: string): Promise<void> {
  await until(`${text} is in force`, async () => (await agent.apply(config(text))).status === 'applied');
  expect(await ask(port)).toBe(`200 ${text}`);
}

test('it is told everything as soon as it runs, whoever comes first', async () => {
  const agent = egress();
  expect(agent.envoy.isServing).toBe(false);
  expect(await agent.apply(config('a1'))).toEqual({ status: 'notRunning' });
  expect([agent.envoy.isServing, agent.envoy.problem === undefined]).toEqual([true, false]);
  expect(agent.envoy.problem).toMatch(/^Envoy does not run: /);
  startContainer();
  await until('it is ready', () => agent.envoy.problem === undefined);
  expect(await ask(port)).toBe('200 a1');
  await inForce(agent, 'a2');
  expect([said, agent.envoy.problem, agent.envoy.restartReason]).toEqual([['started'], undefined, undefined]);
});

test('it outlives the agent, and the next one adopts it', async () => {
  const first = await running();
  await inForce(first, 'a2');
  await first.envoy.close();
  const { pid } = container ?? startContainer();
  const next = egress();
  expect(await next.envoy.serveRemembered()).toBe(true);
  expect([next.envoy.startedAs, said]).toEqual(['adopted', ['started', 'adopted']]);
  await inForce(next, 'a3');
  await next.envoy.stop();
  expect([await ask(port), container?.pid]).toEqual(['200 a3', pid]);
});

async function running(): Promise<EgressEnvoy> {
  const agent = egress();
  await agent.apply(config('a1'));
  startContainer();
  await until('it is ready', () => agent.envoy.problem === undefined);
  await inForce(agent, 'a1');
  return agent;
}

test('it is served again after each death, with its old socket still in the directory', async () => {
  const agent = await running();
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGSEGV'] as const) {
    const { pid = 0 } = container ?? {};
    process.kill(pid, signal);
    await until('it is seen to be gone', () => agent.envoy.problem !== undefined);
    expect(agent.envoy.restartReason).toMatch(/^Envoy does not answer on its admin socket/);
    await until('another one runs', () => agent.envoy.problem === undefined);
    expect(container?.pid).not.toBe(pid);
    expect(await ask(port)).toBe('200 a1');
    await inForce(agent, `after-${signal}`);
    await inForce(agent, 'a1');
  }
  expect(said.filter((what) => what === 'again')).toHaveLength(3);
  await access(join(fixture.directory, 'admin.sock'));
});

test('one that was started from another bootstrap is to be restarted', async () => {
  await running();
  await appendFile(join(fixture.directory, 'bootstrap.json'), ' ');
  const next = egress();
  expect(await next.envoy.serveRemembered()).toBe(true);
  expect(next.envoy.restartReason).toBe('Envoy runs with a former bootstrap.json');
  process.kill(container?.pid ?? 0, 'SIGTERM');
  await until('it is gone', () => next.envoy.problem !== undefined);
  await until('another one runs', () => next.envoy.problem === undefined);
  expect(next.envoy.restartReason).toBeUndefined();
});

test('one of a version that is too old must not be used', async () => {
  // A stub: the pinned Envoy is not old.
  const old = createServer((request, response) => {
    response.end(request.url === '/ready' ? 'LIVE' : '{"version": "0a/1.39.2/Clean/RELEASE/BoringSSL"}');
  });
  await new Promise<void>((resolve) => old.listen(join(fixture.directory, 'admin.sock'), resolve));
  const envoy = new ExternalEnvoy({
    directory: fixture.directory,
    beforeRestart: async () => undefined,
    onExit: () => undefined,
    onReady: () => undefined,
  });
  expect(await envoy.start(false)).toBe('adopted');
  expect(envoy.problem).toBe('it is Envoy 1.39.2, wanted Envoy 1.40 or newer as its image');
  await envoy.stop();
  old.close();
});

test('a drain asks clients to go, serves new ones meanwhile, and ends when nobody is served', async () => {
  const { envoy } = await running();
  const steps: string[] = [];
  const drain = new Drain({
    envoy: envoy.admin,
    longestMs: 600_000,
    leave: async () => void steps.push('left'),
    onProgress: (what) => steps.push(what),
  });
  const ended = drain.ended();
  drain.begin();
  drain.begin();
  await until('clients are asked to close', async () => await isClosing());
  expect([await ask(port), drain.isDraining]).toEqual(['200 a1', true]);
  expect(await ended).toBe('drained\n');
  expect(steps).toEqual([
    'draining: waiting for requests and tunnels to end',
    'left',
    'drained: no request is in progress',
  ]);
});

async function isClosing(): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write('GET http://a.example/always HTTP/1.1\r\nhost: a.example\r\n\r\n');
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(`${data}`)));
    return /^connection: close$/im.test(answer);
  } finally {
    socket.destroy();
  }
}

test('a drain ends when Envoy is gone, and none that has not begun is waited for', async () => {
  const { envoy } = await running();
  const options = {
    envoy: envoy.admin,
    longestMs: 600_000,
    leave: async () => undefined,
    onProgress: () => undefined,
  };
  expect(await new Drain(options).ended()).toBe('this gateway does not drain\n');
  const drain = new Drain(options);
  drain.begin();
  await container?.end('SIGKILL');
  expect(await drain.ended()).toBe('drained\n');
});
