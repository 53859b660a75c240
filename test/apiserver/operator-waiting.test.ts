// Pods that exist and have not started: by a scheduling gate, since no node takes them, or while an image is on its
// way. What they may reach when they start at last is what is in force then, and nothing is reported twice.
import type { KubernetesObject } from '../../operator/lib/kubernetes/api-object.ts';
import { mayReach } from '../fixtures/may-reach.ts';
import {
  assignmentYaml,
  ClusterScene,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

/** kubectl takes a second each time on a busy machine. */
const MANY_COMMANDS_MS = 60_000;
const DRY_RUN = 'policyEnforcement: { enforcementMode: DRY_RUN }';
const LANE = '{.metadata.labels.sallyport\\.dev/lane}';
/** Somewhere on the internet. */
const OUTSIDE = { to: { address: '203.0.113.9' }, port: 443, protocol: 'TCP' } as const;

let scene: ClusterScene;
let operator: Operator;

beforeAll(async () => {
  scene = await ClusterScene.start();
  operator = await scene.startOperator();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

/** It waits at a gate, or for a node. */
function podYaml(namespace: string, name: string, isGated: boolean, more: object = {}): string {
  const gates = isGated ? { schedulingGates: [{ name: 'example.com/quota' }] } : {};
  const spec = { ...gates, containers: [{ name: 'main', image: 'example.com/none' }], ...more };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, spec });
}

function laneOf(namespace: string, pod: string): Promise<string> {
  return scene.field(LANE, 'pod', pod, '-n', namespace);
}

/** By all KubeNetworkPolicies that are stored, whether it may go there directly. */
async function reachesOutside(namespace: string, pod: string): Promise<boolean> {
  const text = await scene.kubectl('get', 'networkpolicies.networking.k8s.io', '-A', '-o', 'json');
  const { items } = JSON.parse(text) as { readonly items: readonly KubernetesObject[] };
  const { metadata } = JSON.parse(
    await scene.kubectl('get', 'pod', pod, '-n', namespace, '-o', 'json'),
  ) as KubernetesObject;
  return mayReach(items, { namespace, labels: metadata.labels ?? {} }, OUTSIDE);
}

/** Notes of the Events about a pod. */
function notified(namespace: string, pod: string): Promise<string> {
  const about = `--field-selector=regarding.name=${pod},reason=HeldBack`;
  const events = ['events.events.k8s.io', '-n', namespace, about];
  return scene.kubectl('get', ...events, '-o', 'jsonpath={.items[*].note}');
}

async function untilPodsMayBe(namespace: string): Promise<void> {
  await until('its default ServiceAccount is there', async () => {
    return (await scene.field('{.metadata.name}', 'serviceaccount', 'default', '-n', namespace)) !== '';
  });
}

describe('when their Namespace becomes a workspace', () => {
  beforeAll(async () => {
    await scene.apply('{apiVersion: v1, kind: Namespace, metadata: {name: joining}}');
    await untilPodsMayBe('joining');
    await scene.apply(podYaml('joining', 'running', false));
    await scene.startPods('joining');
    for (const pod of ['gated', 'unschedulable']) await scene.apply(podYaml('joining', pod, pod === 'gated'));
    await scene.apply(
      `${policyYaml('joining', ['a.example'])}---\n${assignmentYaml('joining', 'joining')}---\n${workspaceYaml('joining', 'j1')}`,
    );
    await scene.untilStamped('joining');
  }, MANY_COMMANDS_MS);

  it('those that run are exempt', async () => {
    expect(await laneOf('joining', 'running')).toBe('full');
    expect(await reachesOutside('joining', 'running')).toBe(true);
  });

  it.each(['gated', 'unschedulable'])(
    'one that is %s is held, says what to do, and stays held when it starts',
    async (pod) => {
      expect(await laneOf('joining', pod)).toBe('sealed');
      await until('it is reported', async () => (await notified('joining', pod)) !== '');
      expect(await notified('joining', pod)).toMatch(
        /^It had not started when its Namespace became a workspace, and is in lane "sealed".* delete it/,
      );
      await scene.startPods('joining', pod);
      expect(await laneOf('joining', pod)).toBe('sealed');
      expect(await reachesOutside('joining', pod)).toBe(false);
    },
    MANY_COMMANDS_MS,
  );

  it('none is exempt any more once isolation is there', async () => {
    await scene.kubectl('annotate', 'namespace', 'joining', 'sallyport.dev/break-glass=drill');
    await scene.kubectl(
      'label',
      'pod',
      'gated',
      '-n',
      'joining',
      'sallyport.dev/lane-',
      'sallyport.dev/product-',
    );
    await scene.kubectl('annotate', 'namespace', 'joining', 'sallyport.dev/stamp-');
    await scene.untilStamped('joining');
    expect(await laneOf('joining', 'gated')).toBe('');
    expect(await reachesOutside('joining', 'gated')).toBe(false);
  });
});

/** One that runs, and one that waits at a gate. */
async function joinWithPods(namespace: string): Promise<void> {
  await scene.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
  await untilPodsMayBe(namespace);
  await scene.apply(podYaml(namespace, 'running', false));
  await scene.startPods(namespace);
  await scene.apply(podYaml(namespace, 'gated', true));
  await scene.apply(
    `${policyYaml(namespace, ['a.example'])}---\n${assignmentYaml(namespace, namespace)}---\n${workspaceYaml(namespace, namespace)}`,
  );
  await scene.untilCondition('Ready', 'False AwaitingNetwork Isolation waits until ', 'spa', namespace);
}

function policyOf(namespace: string, name: string, field = '{.metadata.name}'): Promise<string> {
  const policy = ['networkpolicies.networking.k8s.io', name, '-n', namespace, '--ignore-not-found'];
  return scene.kubectl('get', ...policy, '-o', `jsonpath=${field}`);
}

async function passes(): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${operator.running.healthPort}/metrics`);
  const line = /^controller_runtime_reconcile_total\{.*result="success".*\} (\d+)$/m.exec(
    await answer.text(),
  );
  return Number(line?.[1]);
}

describe('while isolation waits for the network to follow the labels of those that are exempt', () => {
  it(
    'says so, starts no pod, holds those that have not started, and goes on by itself without an error',
    async () => {
      await joinWithPods('patient');
      expect(await scene.condition('Isolated', 'spa', 'patient')).toBe(
        await scene.condition('Ready', 'spa', 'patient'),
      );
      expect(await scene.stampOf('patient')).toBe('');
      await expect(scene.apply(podYaml('patient', 'new', false))).rejects.toThrow(
        'its egress isolation is still being created',
      );
      await until('it is held', async () => (await laneOf('patient', 'gated')) === 'sealed');
      await scene.startPods('patient', 'gated');
      expect(await reachesOutside('patient', 'gated')).toBe(false);
      expect(await reachesOutside('patient', 'running')).toBe(true);
      const ahead = await passes();
      await scene.untilStamped('patient');
      expect((await passes()) - ahead).toBeLessThan(15);
      const exempted = '{.metadata.annotations.sallyport\\.dev/exempted-at}';
      const exemptedMs = Date.parse(await scene.field(exempted, 'pod', 'running', '-n', 'patient'));
      const created = await policyOf('patient', 'sallyport-isolation', '{.metadata.creationTimestamp}');
      // It has whole seconds; without a pass of its own it would be a minute.
      expect(Date.parse(created) - exemptedMs).toBeGreaterThan(19_000);
      expect(Date.parse(created) - exemptedMs).toBeLessThan(40_000);
      expect(await reachesOutside('patient', 'gated')).toBe(false);
      await until('nothing is left over', async () => (await policyOf('patient', 'sallyport-held')) === '');
      expect(await reachesOutside('patient', 'gated')).toBe(false);
      expect(operator.log()).not.toContain('"level":"error"');
    },
    MANY_COMMANDS_MS,
  );

  it(
    'isolates nothing where the label is taken off again meanwhile, but those that are held',
    async () => {
      await joinWithPods('regretful');
      await until('it is held', async () => (await laneOf('regretful', 'gated')) === 'sealed');
      await scene.kubectl('label', 'namespace', 'regretful', 'sallyport.dev/workspace-');
      await scene.untilCondition('Accepted', 'False WorkspaceNotFound', 'spa', 'regretful');
      expect(await policyOf('regretful', 'sallyport-isolation')).toBe('');
      expect(await reachesOutside('regretful', 'running')).toBe(true);
      expect(await reachesOutside('regretful', 'gated')).toBe(false);
      await scene.kubectl('delete', 'pod', 'gated', '-n', 'regretful', '--grace-period=0', '--force');
      await until('nothing is left over', async () => (await policyOf('regretful', 'sallyport-held')) === '');
      expect(operator.log()).not.toContain('"level":"error"');
    },
    MANY_COMMANDS_MS,
  );
});

describe('when the network has yet to follow', () => {
  it(
    'those on a node count in the lane before, and then no more',
    async () => {
      await scene.apply('{apiVersion: v1, kind: Namespace, metadata: {name: settling}}');
      await untilPodsMayBe('settling');
      await scene.apply(podYaml('settling', 'placed', false, { nodeName: 'node-1' }));
      await scene.apply(podYaml('settling', 'unschedulable', false));
      await scene.apply(
        `${policyYaml('settling', ['a.example'])}---\n${assignmentYaml('settling', 'settling')}---\n${workspaceYaml('settling', 's1')}`,
      );
      await scene.untilStamped('settling');
      const conditionOf = (type: string): Promise<string> => scene.condition(type, 'spa', 'settling');
      const message =
        /MoreOpenPodsRunning Pods run in lanes more open than the policy says \(1 in lane "full"\): restart Pod "placed" \(1 pod since .*Z\)\. Of these, 1 got a stricter lane just now, which the network may follow only within 20 s\. Besides, .*: Pod "unschedulable"/;
      await until('it says it', async () => message.test(await conditionOf('RestartRequired')));
      expect(await conditionOf('Ready')).toMatch(message);
      await scene.untilCondition('RestartRequired', 'True StricterPodsRunning', 'spa', 'settling');
      const settledMs = Date.now();
      const moved = '{.metadata.annotations.sallyport\\.dev/moved-at}';
      const movedMs = Date.parse(await scene.field(moved, 'pod', 'placed', '-n', 'settling'));
      expect(settledMs - movedMs).toBeGreaterThan(20_000);
    },
    MANY_COMMANDS_MS,
  );
});

describe('those that go past their lane through their node', () => {
  const FILES = { volumes: [{ name: 'data', nfs: { server: '203.0.113.9', path: '/' } }] };
  const HOST = { hostNetwork: true };

  async function join(namespace: string, annotations = '{}'): Promise<void> {
    await scene.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
    await untilPodsMayBe(namespace);
    for (const [pod, more] of Object.entries({ plain: {}, host: HOST, files: FILES })) {
      await scene.apply(podYaml(namespace, `${pod}-gated`, true, more));
      await scene.apply(podYaml(namespace, `${pod}-waits`, false, more));
    }
    await scene.startPods(namespace, 'plain-waits');
    await scene.apply(
      `${policyYaml(namespace, ['a.example'])}---\n${assignmentYaml(namespace, namespace)}---\n${workspaceYaml(namespace, namespace, annotations)}`,
    );
    await scene.untilStamped(namespace);
  }

  function lanes(namespace: string): Promise<string> {
    const path = `{range .items[*]}{.metadata.name}={.metadata.labels.sallyport\\.dev/lane} {end}`;
    return scene.kubectl('get', 'pods', '-n', namespace, '-o', `jsonpath=${path}`);
  }

  const NAMED = ['files', 'host'].flatMap((pod) =>
    ['gated', 'waits'].map(
      (where) => `pod "${pod}-${where}" by ${pod === 'host' ? 'hostNetwork' : 'volume "data" of kind "nfs"'}`,
    ),
  );

  it.each([
    [
      'beside exempt ones',
      'passing',
      {
        annotations: '{}',
        wanted:
          'files-gated=sealed files-waits=sealed host-gated=full host-waits=full plain-gated=sealed plain-waits=full ',
        count: 5,
      },
    ],
    [
      'where those that run are isolated too',
      'adopted',
      {
        annotations: '{ sallyport.dev/adopt: Isolate }',
        wanted:
          'files-gated=sealed files-waits=sealed host-gated=full host-waits=full plain-gated=sealed plain-waits= ',
        count: 4,
      },
    ],
  ])(
    '%s are counted by name, keep the workspace from Ready, and do not leave their gate',
    async (_, namespace, { annotations, wanted, count }) => {
      await join(namespace, annotations);
      expect(await lanes(namespace)).toBe(wanted);
      const exempt = count > NAMED.length ? ': restart Pod "plain-waits" \\(1 pod since \\S+Z\\)' : '';
      const message = new RegExp(
        `MoreOpenPodsRunning Pods run in lanes more open than the policy says \\(${count} in lane "full"\\)${exempt}\\. Through their node these go past every lane, and count as in lane "full": ${NAMED.join('; ')}\\. Leave that out`,
      );
      const untilSaid = (type: string): Promise<void> =>
        until(`${type} says it`, async () => message.test(await scene.condition(type, 'spa', namespace)));
      await untilSaid('RestartRequired');
      await untilSaid('Ready');
      await scene.startPods(namespace, 'host-waits', 'files-waits');
      const patch = ['--type=merge', '-p', JSON.stringify({ spec: { schedulingGates: null } })];
      for (const pod of ['host-gated', 'files-gated']) {
        await expect(scene.kubectl('patch', 'pod', pod, '-n', namespace, ...patch)).rejects.toThrow(
          `Cannot remove a scheduling gate of pod "${pod}" with`,
        );
      }
      await scene.kubectl('patch', 'pod', 'plain-gated', '-n', namespace, ...patch);
      expect(await lanes(namespace)).toBe(wanted);
      await untilSaid('Ready');
      await scene.kubectl('delete', 'pods', '--all', '-n', namespace, '--grace-period=0', '--force');
      await scene.untilCondition('RestartRequired', 'False NothingToRestart', 'spa', namespace);
    },
    MANY_COMMANDS_MS,
  );

  it(
    'say in their Event that their lane does not hold them',
    async () => {
      await scene.apply('{apiVersion: v1, kind: Namespace, metadata: {name: noted}}');
      await untilPodsMayBe('noted');
      await scene.apply(podYaml('noted', 'files', true, FILES));
      await scene.apply(workspaceYaml('noted', 'noted'));
      await until('it is reported', async () => (await notified('noted', 'files')) !== '');
      expect(await notified('noted', 'files')).toContain(
        'it goes past that lane, through its node, by volume "data" of kind "nfs"; delete it',
      );
    },
    MANY_COMMANDS_MS,
  );
});

describe('when enforcement is switched on', () => {
  beforeAll(async () => {
    await scene.apply(
      `${policyYaml('trying', ['a.example'], DRY_RUN)}---\n${assignmentYaml('trying', 'trying')}---\n${workspaceYaml('trying', 't1')}`,
    );
    await scene.untilStamped('trying');
    await untilPodsMayBe('trying');
    await scene.apply(podYaml('trying', 'running', false));
    await scene.startPods('trying');
    for (const pod of ['gated', 'unschedulable']) await scene.apply(podYaml('trying', pod, pod === 'gated'));
    for (const pod of ['running', 'gated', 'unschedulable'])
      expect(await laneOf('trying', pod)).toBe('dry-run');
    await scene.apply(policyYaml('trying', ['a.example']));
    await until('the waiting ones are held', async () => {
      const lanes = await Promise.all(['gated', 'unschedulable'].map((pod) => laneOf('trying', pod)));
      return lanes.every((lane) => lane === 'enforced');
    });
  }, MANY_COMMANDS_MS);

  it('those that run keep their lane', async () => {
    expect(await laneOf('trying', 'running')).toBe('dry-run');
  });

  it.each(['gated', 'unschedulable'])('one that is %s does not start in dry-run', async (pod) => {
    await until('it is reported', async () => (await notified('trying', pod)) !== '');
    expect(await notified('trying', pod)).toMatch(
      /^It had not started when lane "dry-run" was taken from it, and is in lane "enforced" now.* delete it/,
    );
    await scene.startPods('trying', pod);
    expect(await laneOf('trying', pod)).toBe('enforced');
    expect(await reachesOutside('trying', pod)).toBe(false);
  });

  it('one that is made then is in the lane in force, and left as it is', async () => {
    await scene.apply(podYaml('trying', 'new', true));
    expect(await laneOf('trying', 'new')).toBe('enforced');
    await scene.apply(policyYaml('trying', ['a.example', 'b.example']));
    await scene.untilCondition('Accepted', 'True', 'snp', 'trying');
    expect(await notified('trying', 'new')).toBe('');
  });
});
