// Pods of product DBSQL, whose lane becomes more open than that of GENERAL, on a real API server, whose admission asks only
// then whether they may use it: what it gave before is counted, and isolated, as what it gives to those that may not.
import {
  assignmentYaml,
  ClusterScene,
  deploymentYaml,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const STORY_MS = 180_000;
const DRY_RUN = 'policyEnforcement: { enforcementMode: DRY_RUN }';
const DRY_RUN_FOR_SQL = 'policyEnforcement: { enforcementMode: DRY_RUN, dryRunModeProductFilter: [DBSQL] }';
/** From dry-run for all, and from full access, with the deadline of a minute. */
const TRIED = 'tried';
const OPENED = 'opened';
const NOTHING = 'False NothingToRestart';

let scene: ClusterScene;
let operator: Operator;

function openedYaml(policy: string): string {
  return `${policy}  staleWorkloads: { action: Isolate, afterSeconds: 60 }\n`;
}

beforeAll(async () => {
  scene = await ClusterScene.start();
  operator = await scene.startOperator();
  await scene.apply(
    [
      policyYaml(TRIED, [], DRY_RUN),
      openedYaml(policyYaml(OPENED, []).replace('RESTRICTED_ACCESS', 'FULL_ACCESS')),
      ...[TRIED, OPENED].flatMap((name) => [assignmentYaml(name, name), workspaceYaml(name, name)]),
    ].join('---\n'),
  );
  for (const name of [TRIED, OPENED]) await scene.untilStamped(name);
  const sql = (namespace: string): string =>
    deploymentYaml(namespace, 'sql').replace(
      'labels: { app: sql } }\n    spec',
      'labels: { app: sql, sallyport.dev/product: DBSQL } }\n    spec',
    );
  await scene.apply([TRIED, OPENED].map(sql).join('---\n'));
  for (const name of [TRIED, OPENED]) await untilRuns(name);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

async function untilRuns(namespace: string): Promise<void> {
  await until('it has its pod', async () => (await laneOf(namespace)) !== '');
  await scene.startPods(namespace);
}

function laneOf(namespace: string): Promise<string> {
  return scene.field('{.items[*].metadata.labels.sallyport\\.dev/lane}', 'pods', '-n', namespace);
}

async function restart(namespace: string): Promise<void> {
  await scene.kubectl('delete', 'pods', '--all', '-n', namespace, '--force', '--grace-period=0');
  await untilRuns(namespace);
}

/** "dry-run enforced": the lanes that it has and should have. */
async function changeOf(namespace: string): Promise<string> {
  const of = (field: string) => scene.field(`{.status.staleWorkloads[*].${field}}`, 'spa', namespace);
  return [await of('lane'), await of('policyLane')].join(' ');
}

describe('pods that may not use their product', () => {
  it(
    'are in a more open lane than new ones where only its own lane stays as open',
    async () => {
      expect([await laneOf(TRIED), await laneOf(OPENED)]).toEqual(['dry-run', 'full']);
      await scene.untilCondition('RestartRequired', NOTHING, 'spa', TRIED);
      await scene.apply(policyYaml(TRIED, [], DRY_RUN_FOR_SQL));
      await scene.apply(openedYaml(policyYaml(OPENED, [], DRY_RUN_FOR_SQL)));
      await scene.untilCondition('RestartRequired', 'True MoreOpenPodsRunning', 'spa', TRIED);
      expect(await changeOf(TRIED)).toBe('dry-run enforced');
      expect(await laneOf(TRIED)).toBe('dry-run');
      await restart(TRIED);
      expect(await laneOf(TRIED)).toBe('enforced');
      await scene.untilCondition('RestartRequired', NOTHING, 'spa', TRIED);
    },
    STORY_MS,
  );

  it(
    'are isolated into the lane that new ones get, and listed until they restart',
    async () => {
      expect(await changeOf(OPENED)).toBe('full enforced');
      await until('it is isolated', async () => (await laneOf(OPENED)) !== 'full', 90_000);
      expect(await laneOf(OPENED)).toBe('enforced');
      await scene.untilCondition(
        'RestartRequired',
        'True StricterPodsRunning Pods were isolated at the deadline of the policy (1 pod): restart Deployment "sql"',
        ...['spa', OPENED],
      );
      await restart(OPENED);
      expect(await laneOf(OPENED)).toBe('enforced');
      await scene.untilCondition('RestartRequired', NOTHING, 'spa', OPENED);
    },
    STORY_MS,
  );
});

it(
  'a pod that may use its product has nothing to restart, once admission has said so',
  async () => {
    const account = 'system:serviceaccounts:tried';
    await scene.kubectl(
      ...['create', 'rolebinding', 'sql', '-n', TRIED],
      ...['--clusterrole=sallyport-use-dbsql', `--group=${account}`],
    );
    await until('admission knows it', async () => {
      await restart(TRIED);
      return (await laneOf(TRIED)) === 'dry-run';
    });
    await scene.untilCondition('RestartRequired', NOTHING, 'spa', TRIED);
    expect(operator.log()).not.toContain('"level":"error"');
  },
  STORY_MS,
);
