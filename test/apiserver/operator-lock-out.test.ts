// Nobody locks themselves out by kubectl: lists that would shut out an administrator who was there, changes that are
// taken back unless they are confirmed, also where the operator restarts meanwhile, and the way back in for those who
// are locked out all the same.
import { Administrators } from '../../operator/api/administrators.ts';
import { CallerReporter } from '../../operator/deliver/kubernetes/caller-reporter.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { ClusterScene, type Operator, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { confYaml, listYaml } from '../support/cluster/ingress-yaml.ts';
import { until } from '../support/until.ts';

const ADMIN = '192.0.2.7';
const API_POD = 'api-1';

let scene: ClusterScene;
let operator: Operator;
let apiPod: ApiPod;

beforeAll(async () => {
  scene = await ClusterScene.start();
  operator = await scene.startOperator();
  apiPod = await startApiPod(API_POD);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await apiPod.stop();
  await scene.stop();
});

interface ApiPod {
  readonly administrators: Administrators;
  readonly reporter: CallerReporter;
  stop(): Promise<void>;
}

/** As "sallyport api" reports, with the token of its pod. */
async function startApiPod(podName: string): Promise<ApiPod> {
  await scene.apply(`apiVersion: v1
kind: Pod
metadata: { name: ${podName}, namespace: ${SYSTEM_NAMESPACE} }
spec: { serviceAccountName: sallyport-api, containers: [{ name: main, image: example.com/none }] }
`);
  const account = [SYSTEM_NAMESPACE, 'sallyport-api', podName] as const;
  const api = await connectKubernetes({
    kubeconfig: await scene.controlPlane.serviceAccountKubeconfig(...account),
  });
  const administrators = new Administrators();
  const reporter = new CallerReporter({
    ...{ api, podName, namespace: SYSTEM_NAMESPACE },
    callers: () => administrators.recent(Date.now()),
    listHits: () => [],
    onFormer: (callers) => administrators.add(callers),
    onFailure: (error) => console.error(error),
    onRecovery: () => undefined,
  });
  reporter.start();
  const stop = async (): Promise<void> => {
    await reporter.stop();
    await api.close();
  };
  return { administrators, reporter, stop };
}

async function administer(workspace: string): Promise<void> {
  apiPod.administrators.note({ namespace: workspace, address: ADMIN, user: 'ana' }, Date.now());
  apiPod.reporter.report();
  await untilReported(API_POD, workspace);
}

async function untilReported(pod: string, workspace: string): Promise<void> {
  const workspaces = '{.spec.callers[*].workspace}';
  await until(`${pod} has reported ${workspace}`, async () =>
    (await scene.field(workspaces, 'callerreport', pod, '-n', SYSTEM_NAMESPACE))
      .split(' ')
      .includes(workspace),
  );
}

function planned(workspace: string): Promise<string> {
  const path = '{.spec.enableIpAccessLists} {.spec.lists[*].ipAddresses}';
  return scene.field(path, 'sip', workspace, '-n', SYSTEM_NAMESPACE);
}

async function untilPlanned(workspace: string, wanted: string): Promise<void> {
  await until(`the plan of ${workspace} is ${wanted}`, async () => (await planned(workspace)) === wanted);
}

function of(workspace: string, ...object: readonly string[]): readonly string[] {
  return [...object, '-n', workspace];
}

async function startWorkspace(name: string, id: string): Promise<void> {
  const office = listYaml(name, 'office', { ipAddresses: ['192.0.2.0/24'] });
  await scene.apply(
    [workspaceYaml(name, id), office, confYaml(name, { enableIpAccessLists: true })].join('---\n'),
  );
  await untilPlanned(name, 'true ["192.0.2.0/24"]');
}

it('flags a list that shuts out an administrator, leaves it out, and takes it once it is confirmed', async () => {
  await administer('guarded');
  await startWorkspace('guarded', '1');
  const office = of('guarded', 'ipal', 'office');
  await scene.apply(listYaml('guarded', 'office', { ipAddresses: ['198.51.100.1'] }));
  await scene.untilCondition('Accepted', 'False WouldLockOut', ...office);
  expect(await scene.condition('Accepted', ...office)).toContain(ADMIN);
  expect(await planned('guarded')).toBe('true ["192.0.2.0/24"]');
  await scene.kubectl('annotate', ...office, `sallyport.dev/confirm-lockout=${ADMIN}`);
  await untilPlanned('guarded', 'true ["198.51.100.1"]');
  await scene.untilCondition('Accepted', 'True Accepted', ...office);
});

it('flags the switch that shuts out an administrator', async () => {
  await administer('switched');
  await scene.apply(
    [workspaceYaml('switched', '2'), listYaml('switched', 'office', { ipAddresses: ['198.51.100.1'] })].join(
      '---\n',
    ),
  );
  await untilPlanned('switched', 'false ["198.51.100.1"]');
  await scene.apply(confYaml('switched', { enableIpAccessLists: true }));
  await scene.untilCondition('Accepted', 'False WouldLockOut', ...of('switched', 'swc', 'workspace'));
  expect(await planned('switched')).toBe('false ["198.51.100.1"]');
  const events = await scene.kubectl('get', 'events', '-n', 'switched', '-o', 'jsonpath={.items[*].reason}');
  expect(events).toContain('WouldLockOut');
});

it('knows who was there also from a new pod of the API, once the old one is gone', async () => {
  const next = await startApiPod('api-2');
  try {
    await untilReported('api-2', 'guarded');
    expect(
      await scene.field(
        '{.metadata.ownerReferences[*].name}',
        'callerreport',
        'api-2',
        '-n',
        SYSTEM_NAMESPACE,
      ),
    ).toBe('api-2');
  } finally {
    await next.stop();
  }
});

it('gives whoever is locked out the way back: delete the list, or switch it off, by kubectl', async () => {
  await startWorkspace('locked', '3');
  await scene.kubectl(
    'patch',
    ...of('locked', 'ipal', 'office'),
    '--type=merge',
    '-p',
    '{"spec":{"enabled":false}}',
  );
  await until(
    'it is off',
    async () =>
      (await scene.field('{.spec.lists[*].enabled}', 'sip', 'locked', '-n', SYSTEM_NAMESPACE)) === 'false',
  );
  await scene.kubectl('delete', ...of('locked', 'ipal', 'office'));
  await untilPlanned('locked', 'true ');
  await scene.kubectl(
    'patch',
    ...of('locked', 'swc', 'workspace'),
    '--type=merge',
    '-p',
    '{"spec":{"enableIpAccessLists":false}}',
  );
  await untilPlanned('locked', 'false ');
});

describe('commit-confirm', () => {
  const within = (time: string) => ({ annotations: { 'sallyport.dev/confirm-within': time } });
  const changed = (name: string, time: string): Promise<void> =>
    scene.apply(listYaml(name, 'office', { ipAddresses: ['198.51.100.1'] }, within(time)));
  const office = (name: string) => of(name, 'ipal', 'office');

  it('counts at once, also where it shuts out an administrator, and is taken back', async () => {
    await administer('tried');
    await startWorkspace('tried', '4');
    await changed('tried', '6s');
    await untilPlanned('tried', 'true ["198.51.100.1"]');
    await scene.untilCondition('Accepted', 'True AwaitingConfirmation', ...office('tried'));
    await untilPlanned('tried', 'true ["192.0.2.0/24"]');
    await scene.untilCondition('Accepted', 'False NotConfirmed', ...office('tried'));
    const events = await scene.kubectl('get', 'events', '-n', 'tried', '-o', 'jsonpath={.items[*].reason}');
    expect(events).toContain('NotConfirmed');
  });

  it('stays where its generation is confirmed in time', async () => {
    await startWorkspace('kept', '5');
    await changed('kept', '5s');
    await untilPlanned('kept', 'true ["198.51.100.1"]');
    const generation = await scene.field('{.metadata.generation}', ...office('kept'));
    await scene.kubectl('annotate', ...office('kept'), `sallyport.dev/confirmed=${generation}`);
    await scene.untilCondition('Accepted', 'True Accepted', ...office('kept'));
    const trials = await scene.field('{.spec.trials}', 'sip', 'kept', '-n', SYSTEM_NAMESPACE);
    expect([await planned('kept'), trials]).toEqual(['true ["198.51.100.1"]', '']);
  });

  it('is taken back by an operator that was not there when it began', async () => {
    await startWorkspace('orphaned', '6');
    await changed('orphaned', '5s');
    await untilPlanned('orphaned', 'true ["198.51.100.1"]');
    await operator.stop();
    const trial = '{.spec.trials[0].until}';
    const endsAt = await scene.field(trial, 'sip', 'orphaned', '-n', SYSTEM_NAMESPACE);
    await until('its time is over', () => Date.now() > Date.parse(endsAt));
    expect(await planned('orphaned')).toBe('true ["198.51.100.1"]');
    operator = await scene.startOperator({ identity: 'operator-2' });
    await untilPlanned('orphaned', 'true ["192.0.2.0/24"]');
  });
});
