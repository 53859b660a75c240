// 200 clients at once at two replicas of the API that know nothing of each other, over one kube-apiserver.
import { crowd } from '../api/crowd.ts';
import { callApi } from '../support/api/api-client.ts';
import { ClusterStage } from '../support/api/cluster-stage.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

let stage: ClusterStage;

beforeAll(async () => {
  stage = await ClusterStage.start({ replicas: 2 });
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => stage.stop());

test('200 clients exceed no limit and lose no update, at two replicas', async () => {
  let sent = 0;
  await crowd((call) => {
    sent += 1;
    return callApi(stage.originOf(sent % 2), stage.rootToken, call);
  });
  const conf = await stage.root.request({
    method: 'GET',
    path: '/apis/sallyport.dev/v1alpha1/namespaces/analytics/workspaceconfs/workspace',
  });
  expect(JSON.stringify(conf)).not.toContain('access-change');
}, 180_000);
