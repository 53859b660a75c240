// What belongs to the account, over a real kube-apiserver: the stories of both modes.
import { ACCOUNT_STORIES } from '../api/account-stories.ts';
import { ClusterStage } from '../support/api/cluster-stage.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

let stage: ClusterStage;

beforeAll(async () => {
  stage = await ClusterStage.start();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => stage.stop());

it.each(ACCOUNT_STORIES)('%s', (_title, tell) => tell(stage));
