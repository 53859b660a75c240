// The agent on a real API server, with a real Envoy: what the operator compiled is enforced at each lane's port, and
// the report says what really runs.
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { type Agent, GatewayScene, readiness } from '../support/cluster/gateway-scene.ts';
import { until } from '../support/until.ts';

const LISTED = 'listed.example.com';
const OTHER = 'other.example.com';
const ENFORCED = 10_000;
const DRY_RUN = 10_008;
const SECOND = 10_016;
const NOT_ALLOWED = 'refused DESTINATION_NOT_ALLOWED';

let scene: GatewayScene;
let one: Agent;
let two: Agent;

beforeAll(async () => {
  scene = await GatewayScene.start([LISTED, OTHER]);
  await scene.applyTable('acme', 'r1', [{ names: [LISTED] }]);
  await scene.applyPlan('lab', 'p1', 'acme', { enforced: ENFORCED, 'dry-run': DRY_RUN });
  await scene.kubectl('run', 'gw-1', '--image=none', '-n', SYSTEM_NAMESPACE);
  one = await scene.startAgent('gw-1');
  two = await scene.startAgent('gw-2', { address: scene.outside.listenAddress.replace(/\.2$/, '.3') });
  await scene.untilReport('gw-1', 'that it is ready', ({ ready }) => ready);
  await scene.untilReport('gw-2', 'that it is ready', ({ ready }) => ready);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

/** "acme r1" or "acme r1: <rejection>" for every table in the report. */
async function tablesOf(podName: string): Promise<readonly string[]> {
  const { tables = [] } = (await scene.reportOf(podName)) ?? {};
  return tables.map(({ table, revision, rejection }) =>
    [`${table} ${revision}`, ...(rejection === undefined ? [] : [rejection])].join(': '),
  );
}

// Each test goes on from what the one before left.
describe('two agents from their first table to their end, one story, in this order', () => {
  test('each lane is served at its port, on every gateway', async () => {
    for (const { address } of [one, two]) {
      expect(await scene.asking(address, ENFORCED, LISTED)).toBe('ok');
      expect(await scene.asking(address, ENFORCED, OTHER)).toBe(NOT_ALLOWED);
      expect(await scene.asking(address, DRY_RUN, OTHER)).toBe('ok');
    }
    expect(await readiness(one)).toBe('200');
  });

  test('the report says what runs, and belongs to the pod where there is one', async () => {
    expect(await scene.reportOf('gw-1')).toEqual({
      envoyVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      ready: true,
      renewTime: expect.stringMatching(/Z$/),
      tables: [{ table: 'acme', revision: 'r1' }],
      plans: [{ workspace: 'lab', revision: 'p1' }],
    });
    const owners = '-o=jsonpath={.metadata.ownerReferences[*].name}';
    const ownerOf = (name: string) =>
      scene.kubectl('get', 'gatewayreport', name, '-n', SYSTEM_NAMESPACE, owners);
    expect([await ownerOf('gw-1'), await ownerOf('gw-2')]).toEqual(['gw-1', '']);
  });

  test('a denial is one line of standard output, with the columns of the denial log', async () => {
    await scene.asking(one.address, ENFORCED, 'denied.example.com');
    const isDenial = (line: object) =>
      Object.entries(line).some(([, value]) => value === 'denied.example.com');
    await until('the denial is written', () => one.lines.some(isDenial));
    expect(one.lines.filter(isDenial)).toEqual([
      expect.objectContaining({
        message: 'denial',
        workspace: 'lab',
        workspace_id: 'id-lab',
        product: null,
        network_source_type: null,
        access_type: 'DROP',
        reason: 'DESTINATION_NOT_ALLOWED',
        dns_event: { domain_name: 'denied.example.com', rcode: null },
        event_id: expect.stringMatching(/^gw-1\/access-\d+\/\d+$/),
        policy: 'acme',
        revision: 'r1',
      }),
    ]);
    const metrics = await fetch(`http://127.0.0.1:${one.running.healthPort}/metrics`);
    expect(await metrics.text()).toContain('sallyport_denials_total{workspace="lab"');
  });

  test('a change of a table is enforced and reported', async () => {
    await scene.applyTable('acme', 'r2', [{ names: [OTHER] }]);
    for (const { address } of [one, two]) {
      await scene.untilAsking(address, ENFORCED, OTHER, 'ok');
      await scene.untilAsking(address, ENFORCED, LISTED, NOT_ALLOWED);
    }
    await scene.untilReport('gw-2', 'the new revision', ({ tables }) => tables?.[0]?.revision === 'r2');
    await scene.applyTable('acme', 'r3', [{ names: [LISTED] }]);
    await scene.untilReport('gw-1', 'the next revision', ({ tables }) => tables?.[0]?.revision === 'r3');
  });

  test('a table that Envoy rejects stays as it was, and the report has its words', async () => {
    await scene.applyTable('acme', 'r4', [{ names: ['*', LISTED] }]);
    await scene.untilReport('gw-1', 'a rejection', ({ tables }) => tables?.[0]?.rejection !== undefined);
    expect(await tablesOf('gw-1')).toEqual([
      expect.stringMatching(/^acme r3: .*Only a single wildcard domain/),
    ]);
    expect(await scene.asking(one.address, ENFORCED, LISTED)).toBe('ok');
    expect(await scene.asking(one.address, ENFORCED, OTHER)).toBe(NOT_ALLOWED);
    expect(await readiness(one)).toBe('200');
    await scene.applyTable('acme', 'r5', [{ names: [LISTED] }]);
    await scene.untilReport('gw-1', 'the mended table', ({ tables }) => tables?.[0]?.revision === 'r5');
    expect(await tablesOf('gw-1')).toEqual(['acme r5']);
  });

  /** As an operator of another version would write it. */
  async function patchTable(spec: object): Promise<void> {
    const patch = JSON.stringify({ spec });
    await scene.kubectl(
      ...['patch', 'egresstable', 'acme', '-n', SYSTEM_NAMESPACE, '--type=merge', '-p', patch],
    );
  }

  test('a table of another version keeps its last good one', async () => {
    const fromOtherVersions = {
      op: 'add',
      path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-preserve-unknown-fields',
      value: true,
    };
    const patch = JSON.stringify([fromOtherVersions]);
    await scene.kubectl('patch', 'crd', 'egresstables.sallyport.dev', '--type=json', '-p', patch);
    // Watches that were opened before the change drop the new field for a moment.
    let attempt = 0;
    await until('the new field arrives', async () => {
      await patchTable({ somethingNew: (attempt += 1) });
      return one.lines.some(({ message }) => String(message).includes('cannot be read'));
    });
    await patchTable({ revision: 'r6', groups: [], somethingNew: 0 });
    await scene.applyTable('later', 'l1', [{ names: [OTHER] }]);
    await scene.untilReport('gw-1', 'the later table', ({ tables }) => tables?.length === 2);
    expect(await tablesOf('gw-1')).toEqual(['acme r5', 'later l1']);
    expect(await scene.asking(one.address, ENFORCED, LISTED)).toBe('ok');
  });

  test('a workspace whose table is not there is denied everything', async () => {
    await scene.applyPlan('second', 'p1', 'lost', { enforced: SECOND });
    await scene.untilAsking(one.address, SECOND, LISTED, 'refused POLICY_UNREADABLE');
    await scene.untilReport('gw-1', 'the plan', ({ plans }) => plans?.length === 2);
    expect(await tablesOf('gw-1')).toEqual(['acme r5', 'later l1']);
  });

  test('a plan whose port is taken is rejected and disturbs nobody', async () => {
    await scene.applyPlan('third', 'p1', 'acme', { enforced: ENFORCED });
    await scene.untilReport('gw-1', 'the rejection', ({ plans = [] }) =>
      plans.some(
        ({ workspace, revision, rejection }) => `${workspace} ${revision}` === 'third none' && rejection,
      ),
    );
    expect(await scene.asking(one.address, ENFORCED, LISTED)).toBe('ok');
    await scene.remove('workspaceplan', 'third');
    await scene.untilReport('gw-1', 'two plans', ({ plans }) => plans?.length === 2);
  });

  test('a plan that is removed takes its ports with it', async () => {
    await scene.remove('workspaceplan', 'second');
    for (const { address } of [one, two]) {
      await scene.untilAsking(address, SECOND, LISTED, 'ECONNREFUSED');
      expect(await scene.asking(address, ENFORCED, LISTED)).toBe('ok');
    }
  });

  test('an agent whose Envoy dies is not ready until there is a new one', async () => {
    const pid = two.running.envoyPid ?? 0;
    process.kill(pid, 'SIGKILL');
    await until('Envoy runs again', () => ![undefined, pid].includes(two.running.envoyPid));
    await scene.untilAsking(two.address, ENFORCED, LISTED, 'ok');
    await scene.untilReport('gw-2', 'that it is ready', ({ ready }) => ready);
  });

  test('an agent that stops says that it is not ready', async () => {
    await two.stop();
    expect(await scene.reportOf('gw-2')).toMatchObject({ ready: false });
    expect(await scene.asking(two.address, ENFORCED, LISTED)).toBe('ECONNREFUSED');
    expect(await scene.asking(one.address, ENFORCED, LISTED)).toBe('ok');
  });
});
