import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { laneListeners } from './lane-listeners.ts';

type Lanes = NonNullable<WorkspacePlan['spec']['lanes']>;

function planOf(name: string, lanes: Lanes): WorkspacePlan {
  const spec = {
    workspaceId: `id-${name}`,
    networkPolicyId: 'acme',
    revision: 'p1',
    table: 'acme-1',
    products: [],
  };
  return { kind: 'WorkspacePlan', metadata: { name }, spec: { ...spec, lanes } };
}

test('egressListenersOfLanes() makes an egress listener of each lane but full, and claims to know no product', () => {
  const plan = planOf('lab', [
    { lane: 'full', firstPort: 10_000 },
    { lane: 'enforced', firstPort: 10_008 },
  ]);
  expect(laneListeners([plan], '192.0.2.1')).toEqual([
    {
      name: 'lab.enforced',
      workspace: 'lab',
      workspaceId: 'id-lab',
      lane: 'enforced',
      networkPolicyId: 'acme',
      table: 'acme-1',
      address: '192.0.2.1',
      port: 10_008,
      tlsPorts: [],
    },
  ]);
});

test('egressListenersOfLanes() gives no two lanes one name, whatever the workspaces are called', () => {
  const plans = [
    planOf('a', [{ lane: 'sealed-dry-run', firstPort: 10_000 }]),
    planOf('a-sealed', [{ lane: 'dry-run', firstPort: 10_008 }]),
  ];
  const names = laneListeners(plans, '192.0.2.1').map(({ name }) => name);
  expect(new Set(names).size).toBe(2);
});
