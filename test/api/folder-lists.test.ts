// The REST API over a folder: the page's story, what is refused, and many clients at once.
import { callApi } from '../support/api/api-client.ts';
import { FolderStage } from '../support/api/folder-stage.ts';
import { crowd } from './crowd.ts';
import { clearLists, LIST_FAULTS } from './list-faults.ts';
import { answersLikeTheModel } from './random-calls.ts';
import { SEED_PAGE } from './seed-page.ts';

let stage: FolderStage;

beforeAll(async () => {
  stage = await FolderStage.start();
});

afterAll(() => stage.stop());

test.each(SEED_PAGE)('the page, in a folder: it %s', (_title, tell) => tell(stage));

describe('the API over a folder', () => {
  beforeEach(() => clearLists(stage));

  it.each(LIST_FAULTS)('%s', (_title, tell) => tell(stage));

  it('exceeds no limit and loses no update with 200 clients', async () => {
    await crowd((call) => callApi(stage.origin, stage.rootToken, call));
  });

  it('answers random calls like the model', () => answersLikeTheModel(stage, 25));
});
