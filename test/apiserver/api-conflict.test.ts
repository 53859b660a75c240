// Two Namespaces with one workspace id, over a real kube-apiserver: the id means the older one.
import { ANALYTICS } from '../support/api/api-stage.ts';
import { ClusterStage } from '../support/api/cluster-stage.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const LISTS = '/api/2.0/ip-access-lists';

let stage: ClusterStage;

beforeAll(async () => {
  stage = await ClusterStage.start();
  // Times of creation are whole seconds, and of one second the first by name is the owner.
  let count = 0;
  await until('a Namespace is younger', async () => {
    await kubectl('create', 'namespace', `later-${count}`);
    return (await createdAt(`later-${count++}`)) > (await createdAt('analytics'));
  });
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => stage.stop());

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await stage.controlPlane.kubectl(args);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

function createdAt(namespace: string): Promise<string> {
  return kubectl('get', 'namespace', namespace, '-o', 'jsonpath={.metadata.creationTimestamp}');
}

/** Makes a list in the workspace that the id means, and says in which Namespace it is. */
async function placeOfList(label: string): Promise<string> {
  const body = { label, list_type: 'BLOCK', ip_addresses: ['203.0.113.7'] };
  const made = await stage.call({ method: 'POST', path: LISTS, headers: ANALYTICS, body });
  expect(made).toMatchObject({ status: 200 });
  const path = `jsonpath={.items[?(@.spec.label=="${label}")].metadata.namespace}`;
  return kubectl('get', 'ipaccesslists', '-A', '-o', path);
}

it('gives the lists of an id to its owner, whatever younger Namespaces say', async () => {
  // One is before, one behind the owner by name.
  for (const name of ['aaa', 'zzz']) {
    await kubectl('create', 'namespace', name);
    await kubectl('label', 'namespace', name, 'sallyport.dev/workspace=1001');
    expect(await placeOfList(`beside ${name}`)).toBe('analytics');
  }
  const own = { method: 'GET', path: LISTS, headers: { 'x-databricks-workspace-id': 'zzz' } } as const;
  expect((await stage.call(own)).body).toEqual({ ip_access_lists: [] });
  await kubectl('label', 'namespace', 'analytics', 'sallyport.dev/workspace=1002', '--overwrite');
  expect(await placeOfList('relabelled')).toBe('aaa');
  await kubectl('label', 'namespace', 'aaa', 'sallyport.dev/workspace-');
  expect(await placeOfList('without the label')).toBe('zzz');
  await kubectl('label', 'namespace', 'analytics', 'sallyport.dev/workspace=1001', '--overwrite');
  expect(await placeOfList('back again')).toBe('analytics');
});
