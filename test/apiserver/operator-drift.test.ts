// What others do to what the operator owns, and objects that can no longer be understood.
import { setTimeout as delay } from 'node:timers/promises';
import { BREAK_GLASS_ANNOTATION } from '../../operator/model/stamp.ts';
import {
  assignmentYaml,
  ClusterScene,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const SYSTEM = ['-n', 'sallyport-system'] as const;
const TABLE_NAMES = '{.spec.groups[*].names}';

let scene: ClusterScene;
let table: string;
let operator: Operator;

beforeAll(async () => {
  scene = await ClusterScene.start();
  operator = await scene.startOperator();
  await scene.apply(
    `${policyYaml('listed', ['a.example'])}---\n${workspaceYaml('team', '1')}---\n${assignmentYaml('team', 'listed')}`,
  );
  await scene.untilStamped('team');
  await until('the plan is there', async () => (await tableOf('team')) !== '');
  table = await tableOf('team');
  // Without it none of what follows can be done.
  await scene.kubectl('annotate', 'namespace', 'sallyport-system', 'team', `${BREAK_GLASS_ANNOTATION}=drill`);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function tableOf(workspace: string): Promise<string> {
  return scene.field('{.spec.table}', 'swp', workspace, ...SYSTEM);
}

/** Resolves when an object that was tampered with is as it was. */
async function tamperAndWait(tamper: readonly string[], check: () => Promise<string>): Promise<void> {
  const before = await check();
  await scene.kubectl(...tamper);
  await until('it is restored', async () => (await check()) === before);
}

const serviceOf = async (): Promise<string> =>
  (await scene.field('{.items[*].metadata.name}', 'svc', ...SYSTEM)).split(' ')[0] ?? '';

it.each([
  [
    'a deleted table',
    () => ['delete', 'set', table, ...SYSTEM],
    () => scene.field('{.spec.revision}', 'set', table, ...SYSTEM),
  ],
  [
    'a deleted plan',
    () => ['delete', 'swp', 'team', ...SYSTEM],
    () => scene.field('{.spec}', 'swp', 'team', ...SYSTEM),
  ],
  [
    'deleted isolation',
    () => ['delete', 'netpol', 'sallyport-isolation', '-n', 'team'],
    () => scene.field('{.spec}', 'netpol', 'sallyport-isolation', '-n', 'team'),
  ],
  [
    'a label that somebody added to the selector of isolation',
    () => [
      'patch',
      'netpol',
      'sallyport-isolation',
      '-n',
      'team',
      '--type=merge',
      '-p',
      '{"spec":{"podSelector":{"matchLabels":{"hole":"yes"}}}}',
    ],
    () => scene.field('{.spec}', 'netpol', 'sallyport-isolation', '-n', 'team'),
  ],
  [
    'a destination that somebody added to a table',
    () => [
      'patch',
      'set',
      table,
      ...SYSTEM,
      '--type=json',
      '-p',
      '[{"op":"add","path":"/spec/groups/0/names/-","value":"evil.example"}]',
    ],
    () => scene.field(TABLE_NAMES, 'set', table, ...SYSTEM),
  ],
  [
    'a stamp that somebody took off',
    () => ['annotate', 'namespace', 'team', 'sallyport.dev/stamp-'],
    () => scene.stampOf('team'),
  ],
])('restores %s', async (_what, tamper, check) => {
  await tamperAndWait(tamper(), check);
});

it('restores a deleted Service with the address that pods know', async () => {
  const name = await serviceOf();
  const address = (): Promise<string> => scene.field('{.spec.clusterIP}', 'svc', name, ...SYSTEM);
  // More than once: the API server frees the addresses a moment after it tells of the deletion.
  for (let time = 1; time <= 10; time++) await tamperAndWait(['delete', 'svc', name, ...SYSTEM], address);
});

it('says who holds the address of a Service that cannot be restored, and restores it when it is free', async () => {
  const name = await serviceOf();
  const address = await scene.field('{.spec.clusterIP}', 'svc', name, ...SYSTEM);
  const holder = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'holder', namespace: 'default' },
    spec: { clusterIP: address, ports: [{ port: 80 }] },
  };
  await operator.stop();
  await scene.kubectl('delete', 'svc', name, ...SYSTEM);
  await until('the address is free', () =>
    scene.apply(JSON.stringify(holder)).then(
      () => true,
      () => false,
    ),
  );
  operator = await scene.startOperator();
  await until('it is reported', () => operator.log().includes(`is held for \\"default/holder\\"`));
  await scene.kubectl('delete', 'svc', 'holder', '-n', 'default');
  await until('it is restored', async () => {
    return (await scene.field('{.spec.clusterIP}', 'svc', name, ...SYSTEM)) === address;
  });
});

it('keeps in force what was understood last, through a restart of the operator too', async () => {
  // The API server cannot know public suffixes: this passes its schema and not ours.
  await scene.apply(policyYaml('listed', ['a.example', '*.co.uk']));
  await scene.untilCondition('Accepted', 'False Invalid', 'snp', 'listed');
  expect(await scene.condition('Accepted', 'snp', 'listed')).toContain('*.co.uk');
  expect(await scene.field(TABLE_NAMES, 'set', table, ...SYSTEM)).toBe('["a.example"]');
  const second = await scene.startOperator({ identity: 'operator-2' });
  await second.running.settled();
  expect(await scene.field(TABLE_NAMES, 'set', table, ...SYSTEM)).toBe('["a.example"]');
  await scene.apply(policyYaml('listed', ['a.example', 'b.example']));
  await until('the corrected policy is compiled', async () =>
    (await scene.field(TABLE_NAMES, 'set', table, ...SYSTEM)).includes('b.example'),
  );
});

it('denies all to a workspace under a policy that was never understood', async () => {
  await scene.apply(
    `${policyYaml('broken', ['*.co.uk'])}---\n${workspaceYaml('unlucky', '9')}---\n${assignmentYaml('unlucky', 'broken')}`,
  );
  const denyReason = async (): Promise<string> =>
    scene.field('{.spec.denyReason}', 'set', await tableOf('unlucky'), ...SYSTEM);
  await until('its table denies all', async () => (await denyReason()) === 'POLICY_UNREADABLE');
  await scene.untilCondition('ResolvedRefs', 'False NetworkPolicyUnreadable', 'spa', 'unlucky');
});

it('writes nothing while nothing changes', async () => {
  const operator = await scene.startOperator({ identity: 'operator-3' });
  await operator.running.settled();
  const versions = (): Promise<string> =>
    scene.kubectl(
      'get',
      'set,swp,svc,endpointslices,netpol,snp,spa,namespaces',
      '-A',
      '-o',
      'jsonpath={.items[*].metadata.resourceVersion}',
    );
  let before = await versions();
  // What was changed last is written, and stamps follow.
  await until('everything is written', async () => {
    const former = before;
    await delay(2000);
    before = await versions();
    return before === former;
  });
  operator.running.trigger();
  await operator.running.settled();
  expect(await versions()).toBe(before);
});
