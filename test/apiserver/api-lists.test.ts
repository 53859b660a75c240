// The REST API over a real kube-apiserver: the page's story, and what is refused.
import { clearLists, LIST_FAULTS } from '../api/list-faults.ts';
import { answersLikeTheModel } from '../api/random-calls.ts';
import { SEED_PAGE } from '../api/seed-page.ts';
import { ANALYTICS } from '../support/api/api-stage.ts';
import { ClusterStage } from '../support/api/cluster-stage.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

let stage: ClusterStage;

beforeAll(async () => {
  stage = await ClusterStage.start();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => stage.stop());

test.each(SEED_PAGE)('the page, in a cluster: it %s', (_title, tell) => tell(stage));

describe('the API over a cluster', () => {
  beforeEach(() => clearLists(stage));

  it.each(LIST_FAULTS)('%s', (_title, tell) => tell(stage));

  it('answers random calls like the model', () => answersLikeTheModel(stage, 8));
});

it('tells a viewer which rights a change of lists needs', async () => {
  const { controlPlane } = stage;
  await controlPlane.kubectl(['create', 'serviceaccount', 'viewer', '-n', 'analytics']);
  const subject = ['--serviceaccount', 'analytics:viewer', '-n', 'analytics'];
  await controlPlane.kubectl([
    'create',
    'rolebinding',
    'viewer',
    '--clusterrole',
    'sallyport-viewer',
    ...subject,
  ]);
  const { stdout: token } = await controlPlane.kubectl(['create', 'token', 'viewer', '-n', 'analytics']);
  const path = '/api/2.0/ip-access-lists';
  const list = { label: 'x', list_type: 'BLOCK', ip_addresses: [] };
  expect((await stage.call({ path, headers: ANALYTICS }, token.trim())).status).toBe(200);
  const answer = await stage.call({ method: 'POST', path, headers: ANALYTICS, body: list }, token.trim());
  expect(answer).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
  expect((answer.body as { readonly message: string }).message).toContain('role sallyport-workspace-admin');
});
