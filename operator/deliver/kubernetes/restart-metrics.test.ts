import { Registry } from 'prom-client';
import { stampedPod } from '../../../test/fixtures/cluster-fixture.ts';
import { restartPlan } from '../../compile/restart-plan.ts';
import { measureRestarts } from './restart-metrics.ts';

const LANES = { lanes: new Map([['GENERAL', 'dry-run' as const]]), stamp: undefined, sinceMs: undefined };

/** One pod is one workload. */
function restartsOf(pods: readonly (readonly [workspace: string, lane: string, product: string])[]) {
  return restartPlan({
    pods: pods.map(([workspace, lane, product], at) => ({
      ...stampedPod(workspace, lane),
      ...{ name: `pod-${at}`, uid: `${at}`, product },
    })),
    ...{ lanesOf: () => LANES, owners: new Map(), atMs: 0 },
  });
}

async function samples(registry: Registry, name: string): Promise<readonly string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line.startsWith(name));
}

test('workloads are counted by workspace, product and direction, and are gone once they have restarted', async () => {
  const registry = new Registry();
  let restarts = restartsOf([
    ['team-a', 'full', 'JOBS'],
    ['team-a', 'full', 'JOBS'],
    ['team-a', 'enforced', 'DBSQL'],
    ['team-b', 'full', 'made up by a tenant'],
  ]);
  measureRestarts(registry, () => restarts);
  expect(await samples(registry, 'sallyport_')).toEqual([
    'sallyport_stale_workloads{workspace="team-a",product="JOBS",direction="more-open"} 2',
    'sallyport_stale_workloads{workspace="team-a",product="DBSQL",direction="stricter"} 1',
    'sallyport_stale_workloads{workspace="team-b",product="GENERAL",direction="more-open"} 1',
    'sallyport_more_open_pods 3',
  ]);
  restarts = new Map();
  expect(await samples(registry, 'sallyport_')).toEqual(['sallyport_more_open_pods 0']);
});

test('beyond 5,000 series others are counted together', async () => {
  const registry = new Registry();
  const restarts = restartsOf(
    Array.from({ length: 5003 }, (_, at): readonly [string, string, string] => [
      `team-${at}`,
      'full',
      'JOBS',
    ]),
  );
  measureRestarts(registry, () => restarts);
  const found = await samples(registry, 'sallyport_stale_workloads');
  expect([found.length, found.at(-1)]).toEqual([
    5001,
    'sallyport_stale_workloads{workspace="(other)",product="JOBS",direction="more-open"} 3',
  ]);
});
