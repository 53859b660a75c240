import type { Lane } from '../model/lane.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { datedPlans } from './lane-times.ts';

const AT_MS = Date.parse('2027-01-31T12:00:00.750Z');
const NOW = '2027-01-31T12:00:00Z';
const BEFORE = '2027-01-01T00:00:00Z';

function planOf(jobs: Lane, since?: string): WorkspacePlan {
  const products = [
    { product: 'JOBS' as const, lane: jobs, ...(since === undefined ? {} : { since }) },
    { product: 'GENERAL' as const, lane: 'full' as const },
  ];
  const spec = { workspaceId: '1', networkPolicyId: 'acme', table: 't', products, revision: 'r' };
  return { kind: 'WorkspacePlan', metadata: { name: 'team-a' }, spec };
}

function jobsOf([plan]: readonly WorkspacePlan[]): string | undefined {
  return plan?.spec.products.find(({ product }) => product === 'JOBS')?.since;
}

describe('datedPlans() says of a lane', () => {
  it.each<[string, readonly WorkspacePlan[], readonly WorkspacePlan[], string | undefined]>([
    ['that it is new, where the workspace is', [], [], NOW],
    ['when it changed, where it has', [planOf('full', BEFORE)], [], NOW],
    ['what is stored, where it has not', [planOf('enforced', BEFORE)], [planOf('enforced', NOW)], BEFORE],
    ['nothing, where an earlier version stored it', [planOf('enforced')], [], undefined],
    [
      'what it said before, while that is not stored yet',
      [planOf('full', BEFORE)],
      [planOf('enforced', BEFORE)],
      BEFORE,
    ],
  ])('%s', (_, stored, remembered, expected) => {
    expect(jobsOf(datedPlans([planOf('enforced')], stored, { remembered, atMs: AT_MS }))).toBe(expected);
  });

  it('nothing new without a time', () => {
    expect(jobsOf(datedPlans([planOf('enforced')], [planOf('full', BEFORE)], {}))).toBeUndefined();
  });
});
