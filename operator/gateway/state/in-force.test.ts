import type { EgressTable } from '../../model/egress-table.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { type CompiledObjects, gatewayOutputs } from '../../pipeline.ts';
import type { ApplyResult } from '../config/config-applier.ts';
import { laneListeners } from '../ports/lane-listeners.ts';
import { type InForce, inForceAfter, NOTHING_IN_FORCE } from './in-force.ts';

const SETTINGS = {
  directory: '/state',
  resolvers: [],
  openRanges: [],
  denyRanges: [],
  ownAddresses: [],
  ownPlaces: [],
  maxConnectionsPerListener: 1,
  maxConnections: 60_000,
  envoyMemoryBytes: 1e9,
};
const APPLIED: ApplyResult = { status: 'applied', revisions: {} };

function tableOf(name: string, revision: string): EgressTable {
  return { kind: 'EgressTable', metadata: { name }, spec: { networkPolicyId: 'acme', revision, groups: [] } };
}

function planOf(name: string, table: string, firstPort: number): WorkspacePlan {
  const lanes = [{ lane: 'enforced' as const, firstPort }];
  const spec = { workspaceId: name, networkPolicyId: 'acme', revision: 'p2', table, products: [], lanes };
  return { kind: 'WorkspacePlan', metadata: { name }, spec };
}

const COMPILED: CompiledObjects = {
  tables: [tableOf('one', 'r2'), tableOf('two', 'r2'), tableOf('unused', 'r2')],
  plans: [planOf('alpha', 'one', 10_000), planOf('beta', 'two', 10_008)],
};

const BEFORE: InForce = {
  tables: [{ table: 'one', revision: 'r1' }],
  plans: [{ workspace: 'alpha', revision: 'p1' }],
};

function after(result: ApplyResult, before = BEFORE): InForce {
  const egressListenersOf = (plans: CompiledObjects['plans']) => laneListeners(plans, '127.0.0.1');
  const outputs = gatewayOutputs(COMPILED, { settings: SETTINGS, egressListenersOf }, 0);
  return inForceAfter(result, { ...COMPILED, ...outputs }, before);
}

test('inForceAfter() reports all revisions once Envoy took them, those that nobody uses too', () => {
  expect(after(APPLIED, NOTHING_IN_FORCE)).toEqual({
    tables: ['one', 'two', 'unused'].map((table) => ({ table, revision: 'r2' })),
    plans: ['alpha', 'beta'].map((workspace) => ({ workspace, revision: 'p2' })),
  });
});

test('inForceAfter() reports what ran before of what Envoy refused, with its words', () => {
  const result: ApplyResult = {
    status: 'heldBack',
    heldBack: [
      { layer: 'table', name: 'one.enforced', text: 'x'.repeat(2000), isFormer: true },
      { layer: 'table', name: 'two.enforced', text: 'no', isFormer: false },
      { layer: 'cluster', name: 'proxy-alpha.enforced', text: 'of no plan', isFormer: false },
      { layer: 'listener', name: 'proxy-beta.enforced', text: 'no', isFormer: false },
    ],
    revisions: {},
  };
  expect(after(result)).toEqual({
    tables: [
      { table: 'one', revision: 'r1', rejection: 'x'.repeat(1024) },
      { table: 'two', revision: 'none', rejection: 'no' },
      { table: 'unused', revision: 'r2' },
    ],
    plans: [
      { workspace: 'alpha', revision: 'p2' },
      { workspace: 'beta', revision: 'none', rejection: 'no' },
    ],
  });
});

test('inForceAfter() knows no better than before where Envoy did not answer', () => {
  expect(after({ status: 'timeout', step: 'look', text: 'silent' })).toBe(BEFORE);
  expect(after({ status: 'notRunning', problems: [] })).toBe(BEFORE);
});
