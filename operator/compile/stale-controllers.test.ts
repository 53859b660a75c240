import fc from 'fast-check';
import { stampedPod } from '../../test/fixtures/cluster-fixture.ts';
import type { StampedPod } from '../model/cluster-state.ts';
import { restartPlan } from './restart-plan.ts';
import { staleControllers } from './stale-controllers.ts';
import type { WorkspaceLanes } from './stale-pods.ts';

const SEED = 20270131;
const AT_MS = Date.parse('2027-01-31T00:00:00Z');
const LANES: WorkspaceLanes = {
  lanes: new Map([['GENERAL', 'enforced']]),
  stamp: undefined,
  sinceMs: undefined,
};
const lanesOf = (workspace: string): WorkspaceLanes | undefined =>
  workspace.startsWith('ws') ? LANES : undefined;

const pods: fc.Arbitrary<readonly StampedPod[]> = fc.array(
  fc
    .record({
      namespace: fc.constantFrom('ws-a', 'ws-b', 'others'),
      lane: fc.constantFrom('full', 'enforced', 'sealed'),
      owner: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
    })
    .map(({ namespace, lane, owner }) => ({
      ...stampedPod(namespace, lane),
      controller:
        owner === undefined
          ? undefined
          : { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `rs-${owner}`, uid: `${namespace}-${owner}` },
    })),
  { maxLength: 30 },
);

test('staleControllers() has each controller of a pod that must restart once, the more open first, workspaces in turn', () => {
  let several = 0;
  fc.assert(
    fc.property(pods, (all) => {
      const found = staleControllers({ pods: all, lanesOf, atMs: AT_MS });
      const uids = found.map(({ controller }) => controller.uid);
      const of = (lane: string): readonly string[] =>
        all
          .filter((pod) => pod.lane === lane && pod.namespace !== 'others')
          .flatMap(({ controller }) => controller?.uid ?? []);
      const open = new Set(of('full'));
      const stricter = new Set(of('sealed').filter((uid) => !open.has(uid)));
      expect(new Set(uids)).toEqual(new Set([...open, ...stricter]));
      expect(uids).toHaveLength(open.size + stricter.size);
      expect(new Set(uids.slice(0, open.size))).toEqual(open);
      if (open.size > 0) several += 1;
    }),
    { seed: SEED, numRuns: 500 },
  );
  expect(several).toBeGreaterThan(100);
});

test('staleControllers() lets a small workspace not wait for the many of another', () => {
  const many = Array.from({ length: 100 }, (_, at) => podIn('ws-a', at));
  const found = staleControllers({ pods: [...many, podIn('ws-b', 0)], lanesOf, atMs: AT_MS });
  expect(found.slice(0, 2).map(({ namespace }) => namespace)).toEqual(['ws-a', 'ws-b']);
  // No pod that restarts is named by another set than that of the plan.
  const plan = restartPlan({ pods: many, lanesOf, owners: new Map(), atMs: AT_MS });
  expect(plan.get('ws-a')?.podCount).toBe(found.length - 1);
});

function podIn(namespace: string, at: number): StampedPod {
  const controller = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: `rs-${at}`,
    uid: `${namespace}-${at}`,
  };
  return { ...stampedPod(namespace, 'full'), controller };
}
