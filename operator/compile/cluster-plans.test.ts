import {
  clusterState,
  firstPortOf,
  serviceAddresses,
  stampedPod,
} from '../../test/fixtures/cluster-fixture.ts';
import {
  type Manifest,
  manifest,
  policyManifest,
  workspaceManifest,
} from '../../test/fixtures/object-fixture.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import { type ClusterPlans, planCluster } from './cluster-plans.ts';
import { compileSnapshot } from './plans.ts';
import { NO_PORT_BLOCKS, type PortBlockState } from './port-blocks.ts';

const RESTRICTED = policyManifest('default-policy');
const OPEN = policyManifest('default-policy', { restrictionMode: 'FULL_ACCESS' });
const UNREADABLE = policyManifest('default-policy', { restrictionMode: 'NONE' });
const TEAM_A = workspaceManifest('team-a');
const TEAM_B = workspaceManifest('team-b');

function plan(
  manifests: readonly Manifest[],
  more: Partial<ClusterState> = {},
  ports: PortBlockState = NO_PORT_BLOCKS,
): ClusterPlans {
  const state = clusterState(manifests, more);
  return planCluster(compileSnapshot(state.snapshot), state, ports);
}

function lanesOf({ plans }: ClusterPlans, workspace: string): readonly string[] {
  const found = plans.find(({ metadata }) => metadata.name === workspace);
  return (found?.spec.lanes ?? []).map(({ lane }) => lane);
}

describe('planCluster() gives a workspace', () => {
  it('the lanes that its products take, each with ports of its own, and none to lane full', () => {
    const dryRun = policyManifest('default-policy', {
      policyEnforcement: { enforcementMode: 'DRY_RUN', mlBuildEnforcement: 'EXEMPT' },
    });
    const planned = plan([dryRun, TEAM_A]);
    expect(lanesOf(planned, 'team-a')).toEqual(['dry-run', 'sealed-dry-run', 'enforced', 'sealed']);
    expect(planned.plans[0]?.spec.lanes?.map(({ firstPort }) => firstPort)).toEqual([8192, 8216, 8200, 8208]);
  });

  it('the lanes that running pods of its own Namespace still carry', () => {
    const pods = [
      stampedPod('team-a', 'dry-run'),
      stampedPod('team-b', 'sealed-dry-run'),
      stampedPod('team-a', 'made-up'),
    ];
    expect(lanesOf(plan([RESTRICTED, TEAM_A], { pods }), 'team-a')).toEqual([
      'dry-run',
      'enforced',
      'sealed',
    ]);
    expect(lanesOf(plan([OPEN, TEAM_A], { pods }), 'team-a')).toEqual(['dry-run']);
    expect(lanesOf(plan([OPEN, TEAM_A]), 'team-a')).toEqual([]);
  });

  it('the addresses that its Services have, else those that the stored plan remembers', () => {
    const seen = plan([RESTRICTED, TEAM_A], { serviceAddresses: serviceAddresses('team-a', ['10.96.0.7']) });
    const gone = plan([RESTRICTED, TEAM_A], { plans: seen.plans });
    const moved = plan([RESTRICTED, TEAM_A], {
      plans: seen.plans,
      serviceAddresses: serviceAddresses('team-a', ['10.96.0.8', 'fd00::8']),
    });
    expect(seen.plans[0]?.spec.lanes?.[0]?.serviceAddresses).toEqual(['10.96.0.7']);
    expect(gone.plans).toEqual(seen.plans);
    expect(moved.plans[0]?.spec.lanes?.[0]?.serviceAddresses).toEqual(['10.96.0.8', 'fd00::8']);
  });

  it('a revision that changes with ports and addresses, and with nothing that is no part of the plan', () => {
    const revisionOf = (more: Partial<ClusterState>): string | undefined =>
      plan([RESTRICTED, TEAM_A], more).plans[0]?.spec.revision;
    const first = revisionOf({});
    expect(revisionOf({ pods: [stampedPod('team-a', 'enforced')] })).toBe(first);
    expect(revisionOf({ pods: [stampedPod('team-a', 'dry-run')] })).not.toBe(first);
    expect(revisionOf({ serviceAddresses: serviceAddresses('team-a', ['10.96.0.7']) })).not.toBe(first);
  });
});

test('planCluster() gives the very same plan at another time; a lane that changes gets a time, which is in no revision', () => {
  const at = (manifests: readonly Manifest[], plans: ClusterState['plans'], atMs?: number) => {
    const state = clusterState(manifests, { plans });
    return planCluster(compileSnapshot(state.snapshot), state, NO_PORT_BLOCKS, { atMs }).plans;
  };
  const [open] = at([OPEN, TEAM_A], [], 1000);
  const [again] = at([OPEN, TEAM_A], open === undefined ? [] : [open], 99_000);
  expect(again).toBe(open);
  const [changed] = at([RESTRICTED, TEAM_A], open === undefined ? [] : [open], 99_000);
  const times = changed?.spec.products.map(({ lane, since }) => `${lane} ${since}`);
  expect(new Set(times)).toEqual(new Set(['enforced 1970-01-01T00:01:39Z', 'sealed 1970-01-01T00:01:39Z']));
  expect(changed?.spec.revision).toBe(at([RESTRICTED, TEAM_A], [])[0]?.spec.revision);
});

describe('planCluster() keeps ports:', () => {
  it('those of the stored plan, whoever comes before it', () => {
    const first = plan([RESTRICTED, TEAM_B]);
    const { plans } = plan([RESTRICTED, TEAM_A, TEAM_B], { plans: first.plans });
    expect(plans[1]).toEqual(first.plans[0]);
    expect(firstPortOf(plans, 'team-a', 'enforced')).toBe(8208);
  });

  it('those that were given out and that no watch has brought back yet', () => {
    const first = plan([RESTRICTED, TEAM_B]);
    const { plans } = plan([RESTRICTED, TEAM_A, TEAM_B], {}, first.ports);
    expect(plans[1]).toEqual(first.plans[0]);
  });

  it('what is stored wins over what this replica would have given', () => {
    const mine = plan([RESTRICTED, TEAM_A]);
    const stored = plan([RESTRICTED, TEAM_B]).plans;
    const { plans } = plan([RESTRICTED, TEAM_A, TEAM_B], { plans: stored }, mine.ports);
    expect(plans[1]).toEqual(stored[0]);
    expect(firstPortOf(plans, 'team-a', 'enforced')).toBe(8208);
  });

  it('a freed block is not given to the next one', () => {
    const first = plan([RESTRICTED, TEAM_A]);
    const freed = plan([RESTRICTED], { plans: first.plans }, first.ports);
    const next = plan([RESTRICTED, TEAM_B], {}, freed.ports);
    expect(freed.ports.blocks).toEqual({});
    expect(freed.ports.quarantine.map(({ firstPort }) => firstPort)).toEqual([8192, 8200]);
    expect(firstPortOf(next.plans, 'team-b', 'enforced')).toBe(8208);
  });

  it('two stored plans with the same block: one gets another', () => {
    const [planA] = plan([RESTRICTED, TEAM_A]).plans;
    const [planB] = plan([RESTRICTED, TEAM_B]).plans;
    const plans = [planA, planB].flatMap((stored) => stored ?? []);
    const planned = plan([RESTRICTED, TEAM_A, TEAM_B], { plans }).plans;
    const ports = planned.flatMap(({ spec }) => (spec.lanes ?? []).map(({ firstPort }) => firstPort));
    expect(new Set(ports).size).toBe(4);
  });

  it('a workspace without any left has no lane, and a Problem says so', () => {
    const workspaces = Array.from({ length: 1537 }, (_, index) => workspaceManifest(`team-${index + 1000}`));
    const planned = plan([RESTRICTED, ...workspaces]);
    expect(planned.problems.map(({ object, reason }) => [object, reason])).toEqual([
      ['Workspace/team-2536', 'PortsExhausted'],
      ['Workspace/team-2536', 'PortsExhausted'],
    ]);
    expect(lanesOf(planned, 'team-2536')).toEqual([]);
  });
});

describe('planCluster() of a Namespace that is no workspace any more', () => {
  const { plans, tables } = plan([RESTRICTED, TEAM_A], {
    serviceAddresses: serviceAddresses('team-a', ['10.96.0.7']),
  });

  it.each(['enforced', 'dry-run', 'made-up', ''])(
    'keeps plan and table while a pod in lane "%s" is left',
    (lane) => {
      const kept = plan([], { plans, tables, pods: [stampedPod('team-a', lane)] });
      expect(kept.tables).toEqual(tables);
      expect(kept.plans[0]?.spec.table).toBe(plans[0]?.spec.table);
      expect(kept.plans[0]?.spec.lanes).toEqual(expect.arrayContaining([...(plans[0]?.spec.lanes ?? [])]));
    },
  );

  it('wants nothing when only pods in lane full are left, or none', () => {
    expect(plan([], { plans, tables, pods: [stampedPod('team-a', 'full')] })).toMatchObject({
      plans: [],
      tables: [],
    });
    expect(plan([], { plans, tables })).toMatchObject({ plans: [], tables: [] });
  });
});

describe('planCluster() where a policy cannot be understood any more', () => {
  it('keeps the last good plan and table; without one the table denies', () => {
    const { plans, tables } = plan([RESTRICTED, TEAM_A]);
    const kept = plan([UNREADABLE, TEAM_A], { plans, tables });
    expect([kept.plans, kept.tables]).toEqual([plans, tables]);
    expect(plan([UNREADABLE, TEAM_A]).tables[0]?.spec.denyReason).toBe('POLICY_UNREADABLE');
  });

  it('denies under another one that never was, whatever was in force before', () => {
    const { plans, tables } = plan([OPEN, TEAM_A]);
    const broken = policyManifest('broken', { restrictionMode: 'NONE' });
    const assignment = manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'broken' });
    const next = plan([OPEN, broken, TEAM_A, assignment], { plans, tables });
    expect(next.tables.map(({ spec }) => spec.denyReason)).toEqual(['POLICY_UNREADABLE']);
    expect(lanesOf(next, 'team-a')).toEqual(['enforced', 'sealed']);
  });
});
