import { policyManifest, readSnapshot, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import type { CompiledObjects } from '../../pipeline.ts';
import { type SteadyObjects, TableWait } from './table-wait.ts';

/** Workspace alpha under the default policy, and the same under another one that its assignment names. */
const BEFORE = compileSnapshot(readSnapshot(workspaceManifest('alpha'), policyManifest('default-policy')));
const AFTER = compileSnapshot(
  readSnapshot(workspaceManifest('alpha'), policyManifest('default-policy', {}), {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'PolicyAssignment',
    metadata: { name: 'alpha' },
    spec: { networkPolicyId: 'other' },
  }),
);
const PLAN_FIRST: CompiledObjects = { tables: BEFORE.tables, plans: AFTER.plans };

function namesOf({ tables, plans }: SteadyObjects): readonly string[] {
  return [...tables.map(({ metadata }) => metadata.name), ...plans.map(({ spec }) => spec.table)];
}

const [OLD = ''] = BEFORE.tables.map(({ metadata }) => metadata.name);
const [NEW = ''] = AFTER.tables.map(({ metadata }) => metadata.name);

test('steady() keeps the plan of before for a second where its new table is not there yet', () => {
  const wait = new TableWait();
  wait.steady(BEFORE, 0);
  expect(wait.steady(PLAN_FIRST, 5000)).toMatchObject({ plans: BEFORE.plans, untilMs: 6000 });
  expect(wait.steady(PLAN_FIRST, 5999)).toMatchObject({ plans: BEFORE.plans, untilMs: 6000 });
  expect(wait.steady(PLAN_FIRST, 6000)).toMatchObject({ plans: AFTER.plans, untilMs: undefined });
  expect(wait.steady(PLAN_FIRST, 6001)).toMatchObject({ plans: AFTER.plans, untilMs: undefined });
});

test('steady() takes the new plan as soon as its table is there', () => {
  const wait = new TableWait();
  wait.steady(BEFORE, 0);
  wait.steady(PLAN_FIRST, 5000);
  expect(namesOf(wait.steady(AFTER, 5001))).toEqual([NEW, NEW]);
});

test('steady() retains a table that is removed before the plan that no longer uses it', () => {
  const wait = new TableWait();
  wait.steady(BEFORE, 0);
  expect(namesOf(wait.steady({ tables: [], plans: BEFORE.plans }, 5000))).toEqual([OLD, OLD]);
  expect(namesOf(wait.steady({ tables: [], plans: BEFORE.plans }, 6000))).toEqual([OLD]);
});

test('steady() waits for nothing where a workspace is gone or was never complete', () => {
  const wait = new TableWait();
  expect(wait.steady(PLAN_FIRST, 0)).toMatchObject({ plans: AFTER.plans, untilMs: undefined });
  wait.steady(BEFORE, 1);
  expect(wait.steady({ tables: [], plans: [] }, 2)).toEqual({ tables: [], plans: [], untilMs: undefined });
});
