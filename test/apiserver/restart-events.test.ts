// Events about restarts on a real API server: what `kubectl describe` shows of a workload that must restart, and once it
// has; that another leader repeats none; and that there are few of very many workloads. Pods run, as a kubelet would say it.
import pLimit from 'p-limit';
import { pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import { PODS } from '../../operator/model/cluster-resources.ts';
import {
  assignmentYaml,
  ClusterScene,
  deploymentYaml,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const MANY_COMMANDS_MS = 120_000;
const EVENTS: Resource = {
  ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event' },
  ...{ plural: 'events', isNamespaced: true },
};
const MANY = 500;
const MOST_NAMED = 20;

let scene: ClusterScene;
let operator: Operator;

beforeAll(async () => {
  scene = await ClusterScene.start();
  operator = await scene.startOperator();
  const workspaces = ['team', 'flood'].map(
    (name, at) => `${assignmentYaml(name, name)}---\n${workspaceYaml(name, String(at + 1))}`,
  );
  await inMode('FULL_ACCESS', 'team', 'flood');
  await scene.apply(workspaces.join('---\n'));
  for (const name of ['team', 'flood']) await scene.untilStamped(name);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function inMode(mode: 'FULL_ACCESS' | 'RESTRICTED_ACCESS', ...policies: readonly string[]): Promise<void> {
  const texts = policies.map((name) => policyYaml(name, []).replace('RESTRICTED_ACCESS', mode));
  return scene.apply(texts.join('---\n'));
}

interface StoredEvent {
  readonly eventTime: string;
  readonly type: string;
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string };
  readonly reportingInstance: string;
}

/** About restarts. Those of PolicyAssignments are in "default". */
async function eventsIn(namespace: string): Promise<readonly StoredEvent[]> {
  const path = pathOf(EVENTS, { namespace });
  const { items } = (await scene.gateways.api.request({ method: 'GET', path })) as { items: StoredEvent[] };
  return items.filter(({ reason }) => /^Restart(Required|Completed)$/.test(reason));
}

/** "Warning RestartRequired Deployment web", of those about team, sorted. */
async function saidOfTeam(): Promise<readonly string[]> {
  const events = await eventsIn('team');
  return events
    .map(({ type, reason, note }) => `${type} ${reason} ${/^(\w+ "[\w-]+")/.exec(note)?.[1]}`)
    .toSorted();
}

async function untilSaid(...expected: readonly string[]): Promise<void> {
  await until(`Events are ${expected.join(', ')}`, async () => {
    const said = await saidOfTeam();
    return JSON.stringify(said) === JSON.stringify(expected.toSorted());
  });
}

const statefulSetYaml = (name: string): string =>
  deploymentYaml('team', name).replace('kind: Deployment', 'kind: StatefulSet');

async function untilPodsRun(count: number): Promise<void> {
  const names = (): Promise<string> => scene.field('{.items[*].metadata.name}', 'pods', '-n', 'team');
  await until('there are pods', async () => (await names()).split(' ').filter(Boolean).length === count);
  await scene.startPods('team');
}

async function restart(app: string): Promise<void> {
  const pods = ['pods', '-n', 'team', '-l', `app=${app}`];
  const uid = (): Promise<string> => scene.kubectl('get', ...pods, '-o', 'jsonpath={.items[*].metadata.uid}');
  const former = await uid();
  await scene.kubectl('delete', ...pods, '--force', '--grace-period=0');
  await until('there is another pod', async () => !['', former].includes(await uid()));
  await scene.startPods('team');
}

const described = (...object: readonly string[]): Promise<string> =>
  scene.kubectl('describe', ...object, '-n', 'team');

async function metrics(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${operator.running.healthPort}/metrics`)).text();
}

describe('what people see of a workload, one story, in this order', () => {
  it(
    'is once that it must restart, why, and by which command',
    async () => {
      await scene.apply([statefulSetYaml('db'), deploymentYaml('team', 'web')].join('---\n'));
      await untilPodsRun(2);
      await inMode('RESTRICTED_ACCESS', 'team');
      const required = [
        'Warning RestartRequired StatefulSet "db"',
        'Warning RestartRequired Deployment "web"',
      ];
      await untilSaid(...required);
      const text = await described('statefulset', 'db');
      expect(text).toMatch(/Warning +RestartRequired .* sallyport/);
      expect(text).toContain('Command: kubectl rollout restart statefulset/db -n team');
      expect(await described('deployment', 'web')).toMatch(/Warning +RestartRequired /);
      console.log(text.slice(text.indexOf('Events:')));
      for (const { note, action } of await eventsIn('team')) {
        expect([action, Buffer.byteLength(note) <= 1024]).toEqual(['Restart', true]);
        expect(note).toMatch(
          /Policy "team" gives product GENERAL lane "enforced" now; 1 of its pods runs in lane "full" since /,
        );
      }
    },
    MANY_COMMANDS_MS,
  );

  it(
    'is once that it has restarted, whoever leads; and no other leader says again what was said',
    async () => {
      await restart('db');
      await untilSaid(
        'Warning RestartRequired StatefulSet "db"',
        'Warning RestartRequired Deployment "web"',
        'Normal RestartCompleted StatefulSet "db"',
      );
      expect(await described('statefulset', 'db')).toMatch(/Normal +RestartCompleted /);
      await operator.stop();
      operator = await scene.startOperator({ identity: 'operator-2' });
      await scene.apply(deploymentYaml('team', 'third'));
      await untilPodsRun(3);
      await until('it is refused to say it again', async () =>
        /code="409",method="POST"/.test(await metrics()),
      );
      expect(await metrics()).toContain(
        'sallyport_stale_workloads{workspace="team",product="GENERAL",direction="more-open"} 1',
      );
      expect(await metrics()).toContain('sallyport_more_open_pods 1\n');
      await inMode('FULL_ACCESS', 'team');
      await untilSaid(
        'Warning RestartRequired StatefulSet "db"',
        'Warning RestartRequired Deployment "web"',
        'Normal RestartCompleted StatefulSet "db"',
        'Normal RestartCompleted Deployment "web"',
        'Normal RestartRequired Deployment "third"',
        'Normal RestartRequired StatefulSet "db"',
      );
      const back = (await eventsIn('team')).find(({ note }) => note.startsWith('Deployment "web" need not'));
      expect(back).toMatchObject({
        reportingInstance: 'operator-2',
        note: 'Deployment "web" need not restart any more: policy "team" gives product GENERAL lane "full" again, in which its pods run',
      });
    },
    MANY_COMMANDS_MS,
  );

  it(
    'is that it has restarted while nobody led',
    async () => {
      await operator.stop();
      await scene.kubectl('delete', 'deployment', 'third', '-n', 'team', '--cascade=foreground');
      operator = await scene.startOperator({ identity: 'operator-3' });
      await untilNoted('Deployment "third" has restarted');
      expect(await scene.kubectl('describe', 'spa', 'team')).toMatch(/Normal +RestartCompleted .*"third"/);
      expect(operator.log()).not.toContain('"level":"error"');
    },
    MANY_COMMANDS_MS,
  );
});

const atOnce = pLimit(16);

async function requestPods(
  method: 'POST' | 'PATCH' | 'DELETE',
  body: (name: string) => object,
): Promise<void> {
  const names = Array.from({ length: MANY }, (_, at) => `job-${at}`);
  const send = (name: string): Promise<unknown> => {
    const place = { namespace: 'flood', ...(method === 'POST' ? {} : { name }) };
    const path = pathOf(PODS, { ...place, ...(method === 'PATCH' ? { subresource: 'status' } : {}) });
    const patch = method === 'PATCH' ? { contentType: 'application/merge-patch+json' as const } : {};
    return scene.gateways.api.request({ method, path, body: body(name), ...patch });
  };
  await Promise.all(names.map((name) => atOnce(() => send(name))));
}

/** One workload each. */
async function runPods(): Promise<void> {
  const containers = [{ name: 'main', image: 'example.com/none' }];
  await requestPods('POST', (name) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers } },
  }));
  const container = { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 0 };
  const containerStatuses = [{ ...container, state: { running: {} } }];
  await requestPods('PATCH', () => ({ status: { phase: 'Running', containerStatuses } }));
}

async function untilNoted(begins: string): Promise<StoredEvent> {
  let found: StoredEvent | undefined;
  await until(`an Event says "${begins}"`, async () => {
    found = (await eventsIn('default')).find(({ note }) => note.startsWith(begins));
    return found !== undefined;
  });
  if (found === undefined) throw new Error('It was found');
  return found;
}

async function untilThereAre(count: number): Promise<readonly StoredEvent[]> {
  await until(`${count} Events`, async () => (await eventsIn('flood')).length >= count);
  return eventsIn('flood');
}

test(
  `of ${MANY} workloads ${MOST_NAMED} have Events, a few a second, and one counts the others; the status does not wait`,
  async () => {
    await runPods();
    const startMs = Date.now();
    await inMode('RESTRICTED_ACCESS', 'flood');
    const required = (): Promise<string> => scene.field('{.status.restartRequired}', 'spa', 'flood');
    await until('the status counts them', async () => (await required()) === String(MANY));
    const statusMs = Date.now() - startMs;
    expect(await eventsIn('flood')).toEqual([]);
    const times = (await untilThereAre(MOST_NAMED)).map(({ eventTime }) => Date.parse(eventTime));
    const withinMs = Math.max(...times) - Math.min(...times);
    console.log(`${MANY} workloads: status after ${statusMs} ms, ${times.length} Events in ${withinMs} ms`);
    // Ten a second, with the one that counts.
    expect(withinMs).toBeGreaterThan(1500);
    const rest = MANY - MOST_NAMED;
    expect(await untilNoted(`${rest} more workloads`)).toMatchObject({
      ...{ type: 'Warning', reason: 'RestartRequired', regarding: { name: 'flood' } },
      note: `${rest} more workloads of workspace "flood" must restart, ${rest} of them in lanes more open than the policy says. There is no Event of each, as there are too many. All of them: kubectl sallyport restarts -n flood`,
    });
    await requestPods('DELETE', () => ({ gracePeriodSeconds: 0 }));
    await untilNoted('No workload of workspace "flood" has to restart any more');
    expect(await untilThereAre(2 * MOST_NAMED)).toHaveLength(2 * MOST_NAMED);
    expect(operator.log()).not.toContain('"level":"error"');
  },
  MANY_COMMANDS_MS,
);

test(
  'a change that another policy takes back ends for each workload, once',
  async () => {
    const dryRun = 'policyEnforcement: { enforcementMode: DRY_RUN }';
    await scene.apply(
      [
        ...[policyYaml('back', []), policyYaml('other', [])],
        ...[assignmentYaml('back', 'back'), workspaceYaml('back', '3')],
      ].join('---\n'),
    );
    await scene.untilStamped('back');
    const deployment = deploymentYaml('back', 'etl');
    const stateful = deploymentYaml('back', 'db').replace('kind: Deployment', 'kind: StatefulSet');
    await scene.apply([deployment, stateful].join('---\n'));
    const names = (): Promise<string> => scene.field('{.items[*].metadata.name}', 'pods', '-n', 'back');
    await until('there are pods', async () => (await names()).split(' ').filter(Boolean).length === 2);
    await scene.startPods('back');
    const reasons = async (): Promise<readonly string[]> =>
      (await eventsIn('back')).map(({ reason, regarding }) => `${reason} ${regarding.kind}`).toSorted();
    await scene.apply(policyYaml('back', [], dryRun));
    const required = ['RestartRequired Deployment', 'RestartRequired StatefulSet'];
    await until(
      'both must restart',
      async () => JSON.stringify(await reasons()) === JSON.stringify(required),
    );
    await scene.apply(assignmentYaml('back', 'other'));
    const completed = ['RestartCompleted Deployment', 'RestartCompleted StatefulSet'];
    await until(
      'both need not any more',
      async () => JSON.stringify(await reasons()) === JSON.stringify([...completed, ...required]),
    );
  },
  MANY_COMMANDS_MS,
);
