// A real Envoy as a process: started, adopted, restarted, stopped.
import { spawn } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify } from '../../operator/gateway/process/process-identity.ts';
import type { EnvoyExit } from '../../operator/gateway/process/running-envoy.ts';
import { type EnvoyFixture, envoyFixture } from '../support/envoy/envoy-fixture.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;

beforeEach(async () => {
  fixture = await envoyFixture();
});

afterEach(async () => {
  await fixture.remove();
});

async function editBootstrap(edit: (text: string) => string): Promise<void> {
  const path = join(fixture.directory, 'bootstrap.json');
  await writeFile(path, edit(await readFile(path, 'utf8')));
}

test('start() waits until Envoy is ready and stop() leaves no process and no pid file', async () => {
  const envoy = fixture.supervisor();
  expect(await envoy.start()).toBe('started');
  expect(await envoy.admin.ready()).toBe(true);
  const pid = envoy.pid ?? 0;
  await envoy.stop();
  expect(await identify(pid)).toBeUndefined();
  expect(await fixture.options.files.readIfExists(join(fixture.directory, 'envoy.json'))).toBeUndefined();
});

test('start() adopts the Envoy that a former supervisor left running', async () => {
  const former = fixture.supervisor();
  await former.start();
  const { pid } = former;
  await former.release();
  const next = fixture.supervisor();
  expect(await next.start()).toBe('adopted');
  expect(next.pid).toBe(pid);
});

test('start() replaces a running Envoy when the bootstrap has changed', async () => {
  const former = fixture.supervisor();
  await former.start();
  const pid = former.pid ?? 0;
  await former.release();
  await editBootstrap((text) => text.replace('"cluster":"test"', '"cluster":"other"'));
  const next = fixture.supervisor();
  expect(await next.start()).toBe('started');
  expect(await identify(pid)).toBeUndefined();
});

test('start() ends an Envoy of this directory that no pid file knows', async () => {
  const former = fixture.supervisor();
  await former.start();
  const pid = former.pid ?? 0;
  await former.release();
  await writeFile(join(fixture.directory, 'envoy.json'), '{"torn');
  const next = fixture.supervisor();
  expect(await next.start()).toBe('started');
  expect(await identify(pid)).toBeUndefined();
});

test('start() repeats the words with which Envoy rejects a bootstrap', async () => {
  await editBootstrap((text) => text.replace('"node"', '"nonsense"'));
  await expect(fixture.supervisor().start()).rejects.toThrow(/Cannot start Envoy: .*nonsense/);
});

test('start() names the directory that it cannot write to', async () => {
  await writeFile(join(fixture.directory, 'blocker'), '');
  const directory = join(fixture.directory, 'blocker');
  await expect(fixture.supervisor({ directory }).start()).rejects.toThrow(
    `Cannot write to Envoy's directory "${directory}": make it writable`,
  );
});

test('start() says that an executable cannot be run', async () => {
  const binary = join(fixture.directory, 'envoy');
  await writeFile(binary, '');
  await chmod(binary, 0o644);
  await expect(fixture.supervisor({ binary }).start()).rejects.toThrow('EACCES');
});

test('a dead Envoy is started anew, after beforeStart, and reported', async () => {
  const events: string[] = [];
  const exits: EnvoyExit[] = [];
  const envoy = fixture.supervisor({
    beforeStart: () => Promise.resolve(void events.push('beforeStart')),
    onExit: (exit) => void exits.push(exit),
    onRestart: ({ pid, error }) => void events.push(error?.message ?? `restart ${pid}`),
  });
  await envoy.start();
  const pid = envoy.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  await until('Envoy runs again', () => events.length === 3);
  expect(events).toEqual(['beforeStart', 'beforeStart', `restart ${envoy.pid}`]);
  expect(exits).toMatchObject([{ pid, signal: 'SIGKILL' }]);
  expect(await envoy.admin.ready()).toBe(true);
});

test('the death of an adopted Envoy is noticed too', async () => {
  const former = fixture.supervisor();
  await former.start();
  await former.release();
  const restarts: (number | undefined)[] = [];
  const next = fixture.supervisor({ onRestart: ({ pid }) => void restarts.push(pid) });
  await next.start();
  process.kill(next.pid ?? 0, 'SIGKILL');
  await until('Envoy runs again', () => restarts.length === 1);
  expect(restarts).toEqual([next.pid]);
});

test('restarts go on until they succeed', async () => {
  const results: string[] = [];
  const envoy = fixture.supervisor({
    onRestart: ({ error }) => void results.push(error?.message ?? 'ready'),
  });
  await envoy.start();
  await editBootstrap((text) => `x${text}`);
  process.kill(envoy.pid ?? 0, 'SIGKILL');
  await until('two attempts failed', () => results.length >= 2);
  await editBootstrap((text) => text.slice(1));
  await until('Envoy runs again', () => results.includes('ready'));
  expect(results[0]).toMatch(/^Cannot start Envoy: /);
  expect(await envoy.admin.ready()).toBe(true);
});

test('stop() kills an Envoy that does not react to SIGTERM', async () => {
  const envoy = fixture.supervisor({ stopTimeoutMs: 300 });
  await envoy.start();
  const pid = envoy.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  await envoy.stop();
  expect(await identify(pid)).toBeUndefined();
});

test('kill -9 of the supervising process leaves Envoy running for the next one', async () => {
  const program = `
    import { EnvoyProcess } from ${JSON.stringify(join(import.meta.dirname, '../../operator/gateway/process/envoy-process.ts'))};
    import * as files from ${JSON.stringify(join(import.meta.dirname, '../../operator/lib/atomic-file.ts'))};
    const { directory, binary } = ${JSON.stringify(fixture.options)};
    const envoy = new EnvoyProcess({ directory, binary, files, concurrency: 1 });
    await envoy.start();
    console.log(envoy.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise((resolve) =>
    child.stdout.once('data', (text: Buffer) => {
      resolve(Number(String(text)));
    }),
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  const next = fixture.supervisor();
  expect(await next.start()).toBe('adopted');
  expect(next.pid).toBe(pid);
});
