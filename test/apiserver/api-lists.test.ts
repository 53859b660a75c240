// The REST API over a real kube-apiserver: the page's story, and what is refused.
import { clearLists, LIST_FAULTS } from '../api/list-faults.ts';
import { answersLikeTheModel } from '../api/random-calls.ts';
import { SEED_PAGE } from '../api/seed-page.ts';
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

  it('answers random calls like the model', () => answersLikeTheModel(stage, 8), 120_000);
});
