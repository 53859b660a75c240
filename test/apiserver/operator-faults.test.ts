// What goes wrong between the operator and the API server: it is away, a watch falls silent or lies, a write is put
// off. No connection gets through that the policy forbids, no change is lost, and nothing older comes over anything
// newer.
import { setTimeout as delay } from 'node:timers/promises';
import { EGRESS_TABLES } from '../../operator/model/cluster-resources.ts';
import type { EgressTableSpec } from '../../operator/model/egress-table.ts';
import { ClusterHistory } from '../support/cluster/cluster-history.ts';
import {
  assignmentYaml,
  ClusterScene,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import type { Agent } from '../support/cluster/gateway-scene.ts';
import {
  type Answer,
  type HostileProxy,
  type LineFault,
  startHostileProxy,
} from '../support/cluster/hostile-proxy.ts';
import { until } from '../support/until.ts';

const SYSTEM = ['-n', 'sallyport-system'] as const;
const ALLOWED = 'allowed.example';
const LATER = 'later.example';
const FORBIDDEN = 'forbidden.example';
const NOT_ALLOWED = 'refused DESTINATION_NOT_ALLOWED';
const POLICIES = /sallyport\.dev\/v1alpha1\/networkpolicies(?!\/)/;

let scene: ClusterScene;
let history: ClusterHistory;
let proxy: HostileProxy;
let operator: Operator;
let agent: Agent;
let port: number;
/** Number of the last change of the policy. */
let step = 0;

beforeAll(async () => {
  scene = await ClusterScene.start([ALLOWED, LATER, FORBIDDEN]);
  history = await ClusterHistory.connect(scene.controlPlane.adminKubeconfig);
  const kubeconfig = await scene.operatorKubeconfig();
  proxy = await startHostileProxy({ controlPlane: scene.controlPlane, kubeconfig });
  operator = await scene.startOperator({ kubeconfig: proxy.kubeconfig });
  await scene.apply(
    `${policyYaml('team', [ALLOWED])}---\n${workspaceYaml('team', '1')}---\n${assignmentYaml('team', 'team')}`,
  );
  await scene.untilStamped('team');
  agent = await scene.gateways.startAgent('gw-1');
  port = Number(
    await scene.field('{.spec.lanes[?(@.lane=="enforced")].firstPort}', 'swp', 'team', ...SYSTEM),
  );
  await scene.gateways.untilAsking(agent.address, port, ALLOWED, 'ok');
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await operator?.stop();
  await proxy?.stop();
  await history?.close();
  await scene.stop();
});

afterEach(() => proxy.heal());

function asking(name: string): Promise<string> {
  return scene.gateways.asking(agent.address, port, name);
}

const BETWEEN_QUESTIONS_MS = 50;

/** Asks for both names again and again; resolves with every different answer. */
function keepAsking(): () => Promise<readonly string[]> {
  const answers = new Set<string>();
  const asked = { hasEnded: false };
  const run = async (): Promise<void> => {
    while (!asked.hasEnded) {
      answers.add(`${ALLOWED} ${await asking(ALLOWED)}`);
      answers.add(`${FORBIDDEN} ${await asking(FORBIDDEN)}`);
      await delay(BETWEEN_QUESTIONS_MS);
    }
  };
  const running = run();
  return async () => {
    asked.hasEnded = true;
    await running;
    return [...answers].toSorted();
  };
}

async function untilAnswered(name: string, answer: string): Promise<void> {
  await until(`${name} is ${answer}`, async () => (await asking(name)) === answer);
}

/** Longer than a lease, any watch and any request. */
const AWAY_MS = 60_000;

it('enforces as before while the API server is away for a minute, and a change soon after it is back', async () => {
  const stopAsking = keepAsking();
  await scene.controlPlane.stopApiServer();
  const backMs = performance.now() + AWAY_MS;
  await until('the operator leads no more', () => !operator.running.isLeader());
  await until('a minute is over', () => performance.now() > backMs, 2 * AWAY_MS);
  await scene.controlPlane.startApiServer();
  await scene.apply(policyYaml('team', [ALLOWED, LATER]));
  await untilAnswered(LATER, 'ok');
  expect(await stopAsking()).toEqual([`${ALLOWED} ok`, `${FORBIDDEN} ${NOT_ALLOWED}`]);
  await scene.apply(policyYaml('team', [ALLOWED]));
  await untilAnswered(LATER, NOT_ALLOWED);
}, 180_000);

/** "step-3.example", one after the other, ever newer; resolves with the last one. */
async function changeOften(): Promise<number> {
  for (let left = 4; left > 0; left -= 1) {
    step += 1;
    await scene.apply(policyYaml('team', [`step-${step}.example`]));
  }
  return step;
}

/** Steps that the table of the workspace has shown since then, in that order. */
async function stepsSince(version: string): Promise<readonly number[]> {
  const changes = await history.since(version, EGRESS_TABLES);
  return changes
    .map(({ object }) => (object['spec'] as EgressTableSpec).groups.flatMap(({ names = [] }) => names))
    .flatMap(([name = '']) => /^step-(\d+)/.exec(name)?.[1] ?? [])
    .map(Number);
}

async function changesConverge(): Promise<void> {
  const begin = await history.now();
  const last = await changeOften();
  await until('nothing is left to write', async () => (await history.unwritten()).length === 0);
  const steps = await stepsSince(begin);
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  expect(steps.at(-1)).toBe(last);
  expect(proxy.pendingFaults()).toBe(0);
}

/** One that has not failed yet: the more often a watch fails, the longer it waits. */
async function replaceOperator(): Promise<void> {
  await operator.stop();
  operator = await scene.startOperator({ kubeconfig: proxy.kubeconfig });
  await until('the operator leads', () => operator.running.isLeader());
  await until(
    'it is ready',
    async () => (await fetch(`http://127.0.0.1:${operator.running.healthPort}/readyz`)).ok,
  );
}

const LINE_FAULTS: readonly LineFault[] = [
  { how: 'truncate', times: 2 },
  { how: 'reset', times: 2 },
  { how: 'duplicate', times: 6 },
  { how: 'repeat-previous', times: 3 },
  { how: 'reorder', times: 3 },
  { how: 'error-event', code: 410, reason: 'Expired' },
  { how: 'error-event', code: 500, reason: 'InternalError' },
];

it.each(LINE_FAULTS)(
  'ends with the newest policy through %j in its watch',
  async (fault) => {
    await replaceOperator();
    proxy.disturb({ ...fault, only: 'watches', path: POLICIES });
    await changesConverge();
  },
  60_000,
);

const ANSWERS: readonly Answer[] = [
  { status: 410, reason: 'Expired', only: 'watches', path: POLICIES, times: 2 },
  { status: 429, reason: 'TooManyRequests', only: 'watches', path: POLICIES, retryAfterSeconds: 1 },
  { status: 429, reason: 'TooManyRequests', path: /\/egresstables\//, times: 2, retryAfterSeconds: 1 },
  { status: 503, reason: 'ServiceUnavailable', path: /\/egresstables\//, times: 6 },
  { status: 500, reason: 'InternalError', path: /\/networkpolicies\/team\/status/, times: 2 },
];

it.each(ANSWERS)(
  'ends with the newest policy when the server answers $status to $path',
  async (answer) => {
    await replaceOperator();
    proxy.answer(answer);
    proxy.disconnect(POLICIES);
    await changesConverge();
  },
  60_000,
);

it('enforces within a minute what a watch that fell silent does not report', async () => {
  proxy.disturb({ how: 'silence', only: 'watches', path: POLICIES });
  await scene.apply(policyYaml('team', [ALLOWED, LATER]));
  await untilAnswered(LATER, 'ok');
  expect(await asking(FORBIDDEN)).toBe(NOT_ALLOWED);
});

it('shows each workspace its own failed writes alone, where one name begins with the other', async () => {
  const messageOf = (workspace: string): Promise<string> =>
    scene.field('{.status.conditions[?(@.type=="Ready")].message}', 'spa', workspace);
  // The first fails before the second, in each pass. Reading their list does not fail.
  const isolation: Answer = { status: 500, path: /\/team-b\/networkpolicies\/\w/, times: 1000 };
  const stamp: Answer = { status: 422, path: /\/namespaces\/tea(?:\?|$)/, times: 1000 };
  for (const answer of [isolation, stamp]) proxy.answer(answer);
  await scene.apply(
    ['tea', 'team-b']
      .map((name) => `${workspaceYaml(name, name)}---\n${assignmentYaml(name, 'team')}`)
      .join('---\n'),
  );
  const notified = async (): Promise<readonly string[]> => [
    await messageOf('tea'),
    await messageOf('team-b'),
  ];
  await until('both are reported', async () =>
    (await notified()).every((message) => message.includes('could not be created')),
  );
  expect(await notified()).toEqual([
    expect.stringMatching(/: Namespace\/tea: .* says 422/),
    expect.stringMatching(/: NetworkPolicy\/team-b\/\S+: .* says 500/),
  ]);
});
