import { GATEWAY_SETTINGS } from '../../../test/fixtures/gateway-settings.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { type CompiledObjects, gatewayOutputs } from '../../pipeline.ts';
import { egressResources } from '../egress/egress-resources.ts';
import { laneListeners } from '../ports/lane-listeners.ts';
import type { HeldBackResource } from '../xds/resource-book.ts';
import type { ResourceKind } from '../xds/resource-kind.ts';
import type { XdsResult } from '../xds/xds-applier.ts';
import { type InForce, inForceAfter, NOTHING_IN_FORCE } from './in-force.ts';

const APPLIED: XdsResult = { status: 'applied' };

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

const { envoy } = gatewayOutputs(
  COMPILED,
  { settings: GATEWAY_SETTINGS, egressListenersOf: (plans) => laneListeners(plans, '127.0.0.1') },
  0,
);
const RESOURCES = egressResources(envoy);

function heldBack(kind: ResourceKind, name: string, text = 'no', isFormer = false): HeldBackResource {
  const resource = RESOURCES[kind].find((one) => one.name === name);
  if (resource === undefined) throw new Error(`There is no ${kind} "${name}"`);
  return { kind, name, resource, text, isFormer };
}

function after(result: XdsResult, before = BEFORE): InForce {
  return inForceAfter(result, COMPILED, before);
}

test('inForceAfter() reports all revisions once Envoy accepted them, unused ones too', () => {
  expect(after(APPLIED, NOTHING_IN_FORCE)).toEqual({
    tables: ['one', 'two', 'unused'].map((table) => ({ table, revision: 'r2' })),
    plans: ['alpha', 'beta'].map((workspace) => ({ workspace, revision: 'p2' })),
  });
});

test('inForceAfter() reports what ran before of what Envoy rejected, with its words', () => {
  const result: XdsResult = {
    status: 'heldBack',
    heldBack: [
      heldBack('route', 'one.enforced', 'x'.repeat(2000), true),
      heldBack('route', 'two.enforced'),
      heldBack('cluster', 'blackhole'),
      heldBack('listener', 'proxy-beta.enforced'),
    ],
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

test.each([
  ['cluster', 'forward-one'],
  ['cluster', 'check-tls-one-0'],
  ['listener', 'check-tls-one-0'],
  ['listener', 'sni-router-one.enforced'],
] as const)(
  'inForceAfter() counts %s %s to its table, which does not run as a whole without it',
  (kind, name) => {
    const result: XdsResult = { status: 'heldBack', heldBack: [heldBack(kind, name)] };
    expect(after(result)).toEqual({
      ...after(APPLIED),
      tables: [
        { table: 'one', revision: 'r1', rejection: 'no' },
        { table: 'two', revision: 'r2' },
        { table: 'unused', revision: 'r2' },
      ],
    });
  },
);

test('inForceAfter() knows no better than before where Envoy did not answer', () => {
  expect(after({ status: 'timeout' })).toBe(BEFORE);
  expect(after({ status: 'notRunning' })).toBe(BEFORE);
});
