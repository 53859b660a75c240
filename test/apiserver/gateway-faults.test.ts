// An agent and its Envoy die while no API server can be reached: a fresh Envoy beside a fresh agent serves what was served,
// and nothing that was revoked comes back. A probe asks a hundred times a second. RUNS is how often everything happens; the
// time until the first connection is printed, since it depends on the machine.
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readPidFile } from '../../operator/gateway/process/envoy-pid-file.ts';
import { isRunning, signalProcess } from '../../operator/gateway/process/process-identity.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import * as atomicFiles from '../../operator/lib/atomic-file.ts';
import { limitsPath } from '../../operator/render/envoy/connection-limits.ts';
import { ask } from '../outside/proxy-client.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { GatewayScene } from '../support/cluster/gateway-scene.ts';
import { FaultProbe, PATIENCE_MS, type Reached, type Watched } from '../support/envoy/fault-probe.ts';
import { FaultTable } from '../support/envoy/fault-table.ts';
import { until } from '../support/until.ts';

const RUNS = Number(process.env['RUNS'] ?? 0);
const TIMES = Math.max(1, Math.ceil(RUNS / 10));
const LIMIT_MS = 120_000 + TIMES * 60_000;

const POD = 'gw-1';
const PORT = 10_000;
const [ALWAYS, NEVER, EVEN, ODD] = [
  'always.example.com',
  'never.example.com',
  'even.example.com',
  'odd.example.com',
];
const NAMES = [ALWAYS, NEVER, EVEN, ODD];

let scene: GatewayScene;
let agent: ChildProcess;
let probe: FaultProbe;
let edition = 0;
const table = new FaultTable();

beforeAll(async () => {
  scene = await GatewayScene.start(NAMES);
  await scene.applyPlan('lab', 'p1', 'acme', { enforced: PORT });
  await applyEdition();
  start();
  probe = new FaultProbe(
    NAMES.map((name) => ({ name, workspace: 'lab', way: 'proxy' })),
    reach,
  );
  probe.want(isAllowed);
  await probe.settled();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await probe.stop();
  agent.kill('SIGTERM');
  await once(agent, 'exit');
  await scene.stop();
  if (RUNS > 0) process.stderr.write(table.text);
}, 60_000);

function start(): void {
  agent = scene.spawnAgent(POD, scene.outside.listenAddress);
}

async function reach({ name }: Watched): Promise<Reached> {
  const proxy = { host: scene.outside.listenAddress, port: PORT };
  const result = await ask({
    proxy,
    ca: scene.outside.caPem,
    url: `https://${name}/`,
    timeoutMs: PATIENCE_MS,
  });
  return {
    isReached: result.outcome === 'ok',
    why: `${result.outcome} ${result.reason ?? result.error ?? ''}`,
  };
}

function isAllowed({ name }: Watched): boolean {
  return name === ALWAYS || name === (edition % 2 === 0 ? EVEN : ODD);
}

async function applyEdition(): Promise<void> {
  const names = NAMES.filter((name) => isAllowed({ name, workspace: '', way: '' }));
  await scene.applyTable('acme', `r${edition}`, [{ names }]);
}

/** One name is revoked, and another one is allowed. */
async function change(): Promise<void> {
  edition += 1;
  probe.want(isAllowed);
  await applyEdition();
  await probe.settled();
}

async function killAgent(): Promise<void> {
  const ended = once(agent, 'exit');
  agent.kill('SIGKILL');
  await ended;
}

const envoyDirectory = (): string => statePaths(scene.stateOf(POD)).envoy;

async function killEnvoy(): Promise<void> {
  const identity = await readPidFile(atomicFiles, join(envoyDirectory(), 'envoy.json'));
  if (identity === undefined) throw new Error('No Envoy runs');
  probe.envoyDies();
  await signalProcess(identity, 'SIGKILL');
  await until('Envoy is gone', async () => !(await isRunning(identity)));
  probe.envoyDied();
}

/** Of something that was just started. */
async function settledAfter(fault: string): Promise<void> {
  const startMs = performance.now();
  await probe.settled();
  const tookMs = Math.round(performance.now() - startMs);
  // Where Envoy was not killed, there was no first one.
  if (tookMs > 0) process.stderr.write(`${fault}: an allowed connection passed after ${tookMs} ms\n`);
  await probe.asked();
  table.add(fault, probe.take());
  expect(probe.faults).toEqual([]);
}

test.each([
  ['Envoy killed', killEnvoy],
  [
    'agent killed',
    async () => {
      await killAgent();
      start();
    },
  ],
  [
    'both killed',
    async () => {
      await Promise.all([killAgent(), killEnvoy()]);
      start();
    },
  ],
])(
  'API server away, %s',
  async (what, happens) => {
    for (let time = 0; time < TIMES; time += 1) {
      await change();
      await scene.controlPlane.stopApiServer();
      await happens();
      await settledAfter(`API server away, ${what}`);
      await scene.controlPlane.startApiServer();
    }
  },
  LIMIT_MS,
);

test('what was compiled is lost, too: Envoy serves what it had, with the limits that it had', async () => {
  await change();
  await scene.controlPlane.stopApiServer();
  const limits = limitsPath({ directory: envoyDirectory() });
  const before = await readFile(limits, 'utf8');
  expect(before).toContain('connection_limit');
  await Promise.all([killAgent(), killEnvoy()]);
  await rm(statePaths(scene.stateOf(POD)).compiled);
  start();
  await settledAfter('API server away, both killed, compiled.json lost');
  expect(await readFile(limits, 'utf8')).toBe(before);
  await scene.controlPlane.startApiServer();
  await change();
});
