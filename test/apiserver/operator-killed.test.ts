// Operators that are killed in the middle of their work, and one that is frozen while another takes over: what is
// stored converges all the same, in the safe order, and nothing is reported twice.
import { objectKey } from '../../operator/lib/kubernetes/api-object.ts';
import {
  EGRESS_TABLES,
  KUBE_NETWORK_POLICIES,
  NAMESPACES,
  WORKSPACE_PLANS,
} from '../../operator/model/cluster-resources.ts';
import { STAMP_ANNOTATION } from '../../operator/model/stamp.ts';
import { ClusterHistory } from '../support/cluster/cluster-history.ts';
import { assignmentYaml, ClusterScene, policyYaml, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { type HostileProxy, startHostileProxy } from '../support/cluster/hostile-proxy.ts';
import { OperatorProcess } from '../support/cluster/operator-process.ts';
import { until } from '../support/until.ts';

const SYSTEM = ['-n', 'sallyport-system'] as const;
const EVENTS = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', isNamespaced: true };
/** Longer than a lease, which the next leader must see unchanged for as long as it lasts. */
const HANDOVER_MS = 45_000;

let scene: ClusterScene;
let history: ClusterHistory;
/** Counts what operators write; faults are none of its business here. */
let proxy: HostileProxy;
let operator: OperatorProcess;
let operators = 0;

beforeAll(async () => {
  scene = await ClusterScene.start();
  history = await ClusterHistory.connect(scene.controlPlane.adminKubeconfig);
  proxy = await startHostileProxy({
    controlPlane: scene.controlPlane,
    kubeconfig: await scene.operatorKubeconfig(),
  });
  await replaceOperator();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await operator?.kill();
  await proxy?.stop();
  await history?.close();
  await scene.stop();
});

/** The next one leads at once: whoever held the lease is dead. */
async function replaceOperator(): Promise<void> {
  operators += 1;
  operator = new OperatorProcess(proxy.kubeconfig, `operator-${operators}`);
  await scene.kubectl('delete', 'lease', '--all', ...SYSTEM);
  await operator.untilItSays('became leader');
}

/** Writes that have been sent so far, but for those of the lease. */
function writes(): number {
  return proxy.requests().filter(({ method, url }) => method !== 'GET' && !url.includes('/leases')).length;
}

async function destinationsOf(workspace: string): Promise<string> {
  const table = await scene.field('{.spec.table}', 'swp', workspace, ...SYSTEM);
  return table === '' ? '' : scene.field('{.spec.groups[*].names[*]}', 'set', table, ...SYSTEM);
}

/** Workspaces that were stamped since then although their isolation was not there. */
async function stampedUnsafely(version: string): Promise<readonly string[]> {
  const isolated = new Map<string, bigint>();
  const [policies = [], namespaces = []] = await Promise.all(
    [KUBE_NETWORK_POLICIES, NAMESPACES].map((kind) => history.since(version, kind)),
  );
  for (const { type, object, version: at } of policies) {
    const { name, namespace = '' } = object.metadata;
    if (name !== 'sallyport-isolation') continue;
    if (type === 'DELETED') isolated.delete(namespace);
    else if (!isolated.has(namespace)) isolated.set(namespace, at);
  }
  const stamped = namespaces.filter(({ object }) => STAMP_ANNOTATION in (object.metadata.annotations ?? {}));
  expect(stamped).not.toEqual([]);
  return stamped
    .filter(({ object, version: at }) => (isolated.get(object.metadata.name) ?? at) >= at)
    .map(({ object }) => object.metadata.name);
}

// Each test goes on from what the one before left.
describe('operators that are killed one after the other, one story, in this order', () => {
  // A new workspace takes about 14 writes, and a changed policy 3.
  it.each([0, 1, 2, 4, 6, 8, 10, 12, 14])(
    'an operator that is killed %d writes after a workspace was made leaves nothing half done',
    async (write) => {
      const name = `killed-${write}`;
      const begin = await history.now();
      const target = writes() + write;
      await scene.apply(
        `${policyYaml(name, [`${name}.example`])}---\n${workspaceYaml(name, name)}---\n${assignmentYaml(name, name)}`,
      );
      await until(`${write} writes are on their way`, () => writes() >= target);
      await operator.kill();
      await replaceOperator();
      await scene.untilStamped(name);
      await scene.untilCondition('Accepted', 'True', 'spa', name);
      await until('nothing is left to write', async () => (await history.unwritten()).length === 0);
      expect(await destinationsOf(name)).toBe(`${name}.example`);
      expect(await stampedUnsafely(begin)).toEqual([]);
    },
    HANDOVER_MS,
  );

  it.each([0, 1, 2, 3])(
    'an operator that is killed %d writes after a change loses nothing of it',
    async (write) => {
      const destinations = ['killed-0.example', `later-${write}.example`];
      const target = writes() + write;
      // Passes the schema of the API server, and is reported by an Event.
      await scene.apply(policyYaml(`unlucky-${write}`, ['*.co.uk']));
      await scene.apply(policyYaml('killed-0', destinations));
      await until(`${write} writes are on their way`, () => writes() >= target);
      await operator.kill();
      await replaceOperator();
      await until(
        'it is compiled',
        async () => (await destinationsOf('killed-0')) === destinations.join(' '),
      );
      await scene.untilCondition('Accepted', 'False Invalid', 'snp', `unlucky-${write}`);
      await until('nothing is left to write', async () => (await history.unwritten()).length === 0);
    },
    HANDOVER_MS,
  );

  it('has reported nothing twice', async () => {
    const events = (await history.list(EVENTS)) as unknown as readonly {
      readonly regarding: { readonly kind: string; readonly name: string; readonly uid: string };
      readonly reason: string;
      readonly note: string;
      readonly reportingController?: string;
    }[];
    const notified = events
      .filter(({ reportingController }) => reportingController === 'sallyport.dev/operator')
      .map(({ regarding, reason, note }) => `${regarding.kind}/${regarding.name} ${reason}: ${note}`);
    expect(notified.toSorted()).toEqual([...new Set(notified)].toSorted());
    expect(notified).not.toEqual([]);
  });

  it(
    'an operator that was frozen and wakes up writes nothing over what its follower wrote',
    async () => {
      await scene.apply(policyYaml('killed-0', ['before.example']));
      // In the middle of it, or soon before.
      operator.freeze();
      const next = await scene.startOperator({ identity: 'follower' });
      await until('the follower leads', () => next.running.isLeader(), HANDOVER_MS);
      await scene.apply(policyYaml('killed-0', ['after.example']));
      await until('it is compiled', async () => (await destinationsOf('killed-0')) === 'after.example');
      await until('nothing is left to write', async () => (await history.unwritten()).length === 0);
      const begin = await history.now();
      operator.thaw();
      await operator.untilItSays('lost leadership');
      const kinds = [EGRESS_TABLES, WORKSPACE_PLANS, NAMESPACES, KUBE_NETWORK_POLICIES];
      const changes = await Promise.all(kinds.map((kind) => history.since(begin, kind, 3)));
      expect(changes.flat().map(({ object }) => objectKey(object))).toEqual([]);
      expect(await destinationsOf('killed-0')).toBe('after.example');
      expect(next.running.isLeader()).toBe(true);
    },
    2 * HANDOVER_MS,
  );
});
