// `kubectl sallyport restarts` on a real API server with real admission, each with the rights of who asks. Lanes change as
// the operator would change them.
import { pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import { CONFIG_MAPS, POLICY_ASSIGNMENTS } from '../../operator/model/cluster-resources.ts';
import { type RestartsOptions, restartsCommand } from '../../operator/roles/restarts/command.ts';
import {
  type AdmissionScene,
  create,
  PLAIN,
  podOf,
  READY,
  startAdmissionScene,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { replicated, Said, setLane, untilPods } from '../support/cluster/lane-changes.ts';
import { controllerReference, createOwned } from '../support/cluster/owned-object.ts';

let scene: AdmissionScene;
/** Has the ClusterRole edit in the workspace, as developers do. */
let ada: string;
let eve: string;

beforeAll(async () => {
  scene = await startAdmissionScene();
  ada = await scene.controlPlane.kubeconfigFor({ user: 'edit' });
  eve = await scene.controlPlane.kubeconfigFor({ user: 'eve' });
  await setLane(scene, 'full', 'r8');
  await createByAnotherOperator('etl');
  await untilPods(scene, 2);
  await create(scene.root, podOf(READY, { name: 'tool' }));
  await create(scene.root, podOf(READY, { name: 'agent', spec: { hostNetwork: true } }));
  const ofProduct = (name: string, product: string) =>
    create(scene.root, podOf(READY, { name, labels: { 'sallyport.dev/product': product } }));
  // In its lane, whatever GENERAL's is.
  await ofProduct('model', 'PROVISIONED_THROUGHPUT');
  // It may not use its product.
  await ofProduct('sql', 'DBSQL');
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene?.stop());

/** Of a kind that nobody restarts. */
async function createByAnotherOperator(name: string): Promise<void> {
  const owner = await createOwned(scene.root, CONFIG_MAPS, { namespace: READY, name: `${name}-settings` });
  const { metadata, ...deployment } = replicated('Deployment', name, 2);
  const owned = { ...metadata, ownerReferences: [controllerReference(owner)] };
  await create(scene.root, { ...deployment, metadata: owned });
}

async function restarts(kubeconfig: string, options: RestartsOptions = {}, width?: number) {
  const said = new Said();
  const where = options.allNamespaces === true ? {} : { namespace: READY };
  const surroundings = { environment: {}, width, write: said.write, complain: said.complain };
  const code = await restartsCommand({ kubeconfig, ...where, ...options }, surroundings);
  return { code, out: said.out, err: said.err };
}

const admin = (): string => scene.controlPlane.adminKubeconfig;

describe('restarts, one story, in this order', () => {
  it('says that nothing has to restart', async () => {
    expect(await restarts(admin())).toEqual({
      ...{ code: 0, err: '' },
      out: `Nothing has to restart in Namespace "${READY}": every pod is in the lane that the policy gives to its product\n`,
    });
  });

  it('lists what runs in a lane more open than that of now, with commands', async () => {
    await setLane(scene, 'enforced', 'r9');
    const { code, out } = await restarts(admin());
    expect(code).toBe(0);
    expect(out).toMatch(
      /^deployment\/etl +GENERAL +2 +\d{4}-\d\d-\d\dT\d\d:\d\dZ +full -> restricted \(more open\)$/m,
    );
    expect(out).toMatch(/^pod\/tool +GENERAL +1 /m);
    expect(out).toContain(`\nkubectl rollout restart deployment/etl -n ${READY}\n`);
    expect(out).toContain('# pod/agent: Its pods go past their lane through their node, by hostNetwork');
    expect(out).toMatch(/^pod\/sql +DBSQL +1 .* dry-run -> enforced \(more open\)$/m);
    expect(out).not.toContain('pod/model');
  });

  it('shows a developer the same, and says what cannot be read and what follows', async () => {
    const [{ out }, developer] = [await restarts(admin()), await restarts(ada)];
    expect(developer.out).toBe(out);
    expect(developer.err).toMatch(/^Note: Cannot read WorkspacePlan .*; so pods that may not use /m);
    expect(developer.err).toMatch(
      /^Note: Cannot read WorkspacePlan .* "sallyport-viewer" by a RoleBinding in Namespace "sallyport-system"/m,
    );
    expect(developer.err).toMatch(
      /^Note: Cannot read PolicyAssignment .* by a ClusterRoleBinding .*; so deadlines are not shown$/m,
    );
  });

  it('shows all workspaces, and documents for programs', async () => {
    const all = await restarts(admin(), { allNamespaces: true });
    expect(all.out).toMatch(new RegExp(`^${READY} +deployment/etl `, 'm'));
    expect(all.err).toMatch(/^Note: Cannot say what must restart in Namespace "fresh": /m);
    const { out } = await restarts(admin(), { output: 'json' });
    expect(JSON.parse(out)).toMatchObject({
      notes: [],
      workloads: [{ workspace: READY, kind: 'Deployment', name: 'etl', pods: 2 }, {}, {}, {}],
    });
    expect((await restarts(admin(), { output: 'yaml' })).out).toMatch(/^workloads:\n {2}- workspace: /);
  });

  it('says since when they differ, where the status of the workspace says it', async () => {
    const since = '2027-01-31T00:00:00Z';
    const stated = { kind: 'Deployment', name: 'etl', product: 'GENERAL', pods: 2 };
    await create(scene.root, { ...POLICY_ASSIGNMENTS, metadata: { name: READY }, spec: {} });
    await scene.root.request({
      ...{ method: 'PATCH', contentType: 'application/merge-patch+json' },
      path: pathOf(POLICY_ASSIGNMENTS, { name: READY, subresource: 'status' }),
      body: { status: { staleWorkloads: [{ ...stated, lane: 'full', policyLane: 'enforced', since }] } },
    });
    const { out } = await restarts(admin(), { output: 'json' });
    expect(JSON.parse(out).workloads[0]).toMatchObject({
      name: 'etl',
      staleSince: '2027-01-31T00:00:00.000Z',
    });
  });
});

test('restarts has room in a terminal of 80 columns', async () => {
  for (const [kubeconfig, options] of [
    [admin(), { allNamespaces: true }],
    [ada, {}],
  ] as const) {
    const { out, err } = await restarts(kubeconfig, options, 80);
    const isTooLong = (line: string): boolean => line.length > 80 && !/^(?:kubectl|To restart) /.test(line);
    expect(`${out}${err}`.split('\n').filter(isTooLong)).toEqual([]);
  }
});

test.each<[string, RestartsOptions, string]>([
  ['no workspace', { namespace: PLAIN }, `Namespace "${PLAIN}": it is no workspace of Sallyport`],
  ['a workspace that is not ready', { namespace: 'fresh' }, 'the workspace is not ready'],
  ['no Namespace', { namespace: 'nosuch' }, 'Cannot find Namespace "nosuch": '],
])('restarts of %s says what to do', async (_, options, sentence) => {
  const { code, out, err } = await restarts(admin(), options);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain(sentence);
});

test('restarts says which right is missing, and takes no options that contradict each other', async () => {
  const { code, err } = await restarts(eve);
  const view =
    /^Cannot read Namespace "analytics": .* ClusterRole "view" by a RoleBinding in Namespace "analytics"/;
  expect([code, err]).toEqual([1, expect.stringMatching(view)]);
  expect((await restarts(ada, { allNamespaces: true })).err).toMatch(
    /^Cannot read namespaces: .* ClusterRole "view" by a ClusterRoleBinding/m,
  );
  const both = await restarts(ada, { allNamespaces: true, namespace: READY });
  expect(both).toMatchObject({ code: 2, err: expect.stringMatching(/^Cannot use -n with -A/) });
});
