// `kubectl sallyport restarts` on a real API server with real admission, each with the rights of who asks. Lanes change as
// the operator would change them.
import { pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import { PODS, POLICY_ASSIGNMENTS } from '../../operator/model/cluster-resources.ts';
import type { Lane } from '../../operator/model/lane.ts';
import { DEFAULT_LANE_ANNOTATION, STAMP_ANNOTATION } from '../../operator/model/stamp.ts';
import { type RestartsOptions, restartsCommand } from '../../operator/roles/restarts/command.ts';
import {
  type AdmissionScene,
  create,
  PLAIN,
  podOf,
  READY,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

let scene: AdmissionScene;
/** Has the ClusterRole edit in the workspace, as developers do. */
let ada: string;
let eve: string;

beforeAll(async () => {
  scene = await startAdmissionScene();
  ada = await scene.controlPlane.kubeconfigFor({ user: 'edit' });
  eve = await scene.controlPlane.kubeconfigFor({ user: 'eve' });
  await setLane('full', 'r8');
  await create(scene.root, deployment('etl', 2));
  await until('pods of the Deployment', async () => ((await podNames()).length === 2 ? '' : 'too few'));
  await create(scene.root, podOf(READY, { name: 'tool' }));
  await create(scene.root, podOf(READY, { name: 'agent', spec: { hostNetwork: true } }));
  // In its lane, whatever GENERAL's is.
  await create(scene.root, podOf(READY, { name: 'sql', labels: { 'sallyport.dev/product': 'DBSQL' } }));
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene?.stop());

async function setLane(lane: Lane, revision: string): Promise<void> {
  await scene.operator.request({
    ...{ method: 'PATCH', path: `/api/v1/namespaces/${READY}`, contentType: 'application/merge-patch+json' },
    body: { metadata: { annotations: { [DEFAULT_LANE_ANNOTATION]: lane, [STAMP_ANNOTATION]: revision } } },
  });
}

async function podNames(): Promise<readonly string[]> {
  const { items } = (await scene.root.request({
    ...{ method: 'GET', path: pathOf(PODS, { namespace: READY }) },
  })) as { readonly items: readonly { readonly metadata: { readonly name: string } }[] };
  return items.map(({ metadata }) => metadata.name);
}

function deployment(name: string, replicas: number) {
  const labels = { app: name };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: READY } },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podOf(READY, {}).spec },
    },
  };
}

async function restarts(kubeconfig: string, options: RestartsOptions = {}, width?: number) {
  const said = { out: '', err: '' };
  const code = await restartsCommand(
    { kubeconfig, ...(options.allNamespaces === true ? {} : { namespace: READY }), ...options },
    {
      ...{ environment: {}, width },
      write: (text) => void (said.out += text),
      complain: (text) => void (said.err += text),
    },
  );
  return { code, ...said };
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
    await setLane('enforced', 'r9');
    const { code, out } = await restarts(admin());
    expect(code).toBe(0);
    expect(out).toMatch(
      /^deployment\/etl +GENERAL +2 +\d{4}-\d\d-\d\dT\d\d:\d\dZ +full -> restricted \(more open\)$/m,
    );
    expect(out).toMatch(/^pod\/tool +GENERAL +1 /m);
    expect(out).toContain(`\nkubectl rollout restart deployment/etl -n ${READY}\n`);
    expect(out).toContain('# pod/agent: Its pods go past their lane through their node, by hostNetwork');
    expect(out).not.toContain('pod/sql');
  });

  it('shows a developer the same, and says what cannot be read and what follows', async () => {
    const [{ out }, developer] = [await restarts(admin()), await restarts(ada)];
    expect(developer.out).toBe(out);
    expect(developer.err).toMatch(/^Note: Cannot read WorkspacePlan .*; so pods that may not use /m);
    expect(developer.err).toMatch(/^Note: Cannot read PolicyAssignment .*; so deadlines are not shown$/m);
  });

  it('shows all workspaces, and documents for programs', async () => {
    const all = await restarts(admin(), { allNamespaces: true });
    expect(all.out).toMatch(new RegExp(`^${READY} +deployment/etl `, 'm'));
    expect(all.err).toMatch(/^Note: Cannot say what must restart in Namespace "fresh": /m);
    const { out } = await restarts(admin(), { output: 'json' });
    expect(JSON.parse(out)).toMatchObject({
      notes: [],
      workloads: [{ workspace: READY, kind: 'Deployment', name: 'etl', pods: 2 }, {}, {}],
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
    const isTooLong = (line: string): boolean => line.length > 80 && !line.startsWith('kubectl ');
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
  expect([code, err]).toEqual([1, expect.stringMatching(/^Cannot read Namespace "analytics": .*docs\//)]);
  expect((await restarts(ada, { allNamespaces: true })).err).toMatch(/^Cannot read namespaces: /);
  const both = await restarts(ada, { allNamespaces: true, namespace: READY });
  expect(both).toMatchObject({ code: 2, err: expect.stringMatching(/^Cannot use -n with -A/) });
});
