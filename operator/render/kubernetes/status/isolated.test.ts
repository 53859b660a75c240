import fc from 'fast-check';
import { stampedPod } from '../../../../test/fixtures/cluster-fixture.ts';
import { manifest, policyManifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import {
  AT_MS,
  conditionOf,
  reportOf,
  statusInput,
  withGateways,
  withStored,
} from '../../../../test/fixtures/status-fixture.ts';
import type { IsolationMeasurements, NodeMeasurement } from '../../../model/isolation.ts';
import { renderStatuses } from './render-statuses.ts';
import type { StatusInput } from './status-index.ts';

const SEED = 20270131;
const RUNS = 1000;
const INTERVAL_MS = 300_000;
const FRESH_MS = 3 * INTERVAL_MS;
const TEAM_A = 'PolicyAssignment/team-a';
const REACHED = 'the API server at 10.96.0.1:443';
const NOT_ENFORCED = `On node "node-a" a pod reached ${REACHED}, which its KubeNetworkPolicy denies: install or repair a CNI that enforces NetworkPolicies`;
const FAILURE = 'The canary pod on node "node-b" does not run: ErrImagePull: not found';

const POLICY = policyManifest('acme', { allowedInternetDestinations: [{ destination: 'a.example' }] });
const FULL = policyManifest('acme', { restrictionMode: 'FULL_ACCESS' });
const DRY_RUN = policyManifest('acme', {
  restrictionMode: 'RESTRICTED_ACCESS',
  policyEnforcement: { enforcementMode: 'DRY_RUN' },
});
const ASSIGNMENT = manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'acme' });

type Nodes = IsolationMeasurements['nodes'];

function inputOf(
  isolation: StatusInput['isolation'],
  usedNodes: readonly string[] = [],
  policy = POLICY,
): StatusInput {
  const input = statusInput(policy, workspaceManifest('team-a'), ASSIGNMENT);
  const pods = usedNodes.map((node) => stampedPod('team-a', 'enforced', node));
  const running = withGateways(input, [reportOf('gw-a', input)]);
  return { ...running, state: { ...running.state, pods }, isolation };
}

function measured(nodes: Nodes, obstacle?: string): IsolationMeasurements {
  return { intervalMs: INTERVAL_MS, nodes, ...(obstacle === undefined ? {} : { obstacle }) };
}

function enforced(node: string, atMs = AT_MS): NodeMeasurement {
  return { wanted: node, node, triedAtMs: atMs, finding: { atMs } };
}

function open(node: string, atMs = AT_MS): NodeMeasurement {
  return { wanted: node, node, triedAtMs: atMs, finding: { atMs, reached: REACHED } };
}

function failed(node: string): NodeMeasurement {
  return { wanted: node, node, triedAtMs: AT_MS, failure: FAILURE };
}

/** "True Enforced …" of Isolated and of Ready. */
function verdictsOf(input: StatusInput): readonly (string | undefined)[] {
  const { statuses } = renderStatuses(input);
  return ['Isolated', 'Ready'].map((type) => {
    const found = conditionOf(statuses, TEAM_A, type);
    return found && `${found.status} ${found.reason}: ${found.message}`;
  });
}

const READY = 'True Ready: In force';
const ENFORCED =
  'True Enforced: On every node that was measured, pods reach what their KubeNetworkPolicy allows, and nothing else';
const both = (text: string): readonly string[] => [text, text];

it.each<[string, StatusInput, readonly (string | undefined)[]]>([
  ['where nobody measures', inputOf(undefined), [undefined, READY]],
  ['where every node enforces', inputOf(measured([enforced('node-a')]), ['node-a']), [ENFORCED, READY]],
  [
    'where a node lets a pod through',
    inputOf(measured([enforced('node-b'), open('node-a')]), ['node-a', 'node-b']),
    both(`False NotEnforced: ${NOT_ENFORCED}`),
  ],
  [
    'where several do',
    inputOf(measured(['node-c', 'node-a', 'node-b'].map((node) => open(node))), [
      'node-a',
      'node-b',
      'node-c',
    ]),
    both(`False NotEnforced: ${NOT_ENFORCED.replace('denies:', 'denies (and so on 2 more):')}`),
  ],
  [
    'where another node lets pods through',
    inputOf(measured([enforced('node-b'), open('node-a')]), ['node-b']),
    [ENFORCED, READY],
  ],
  [
    'where it has no pods, and some node lets pods through',
    inputOf(measured([enforced('node-b'), open('node-a')])),
    both(`False NotEnforced: ${NOT_ENFORCED}`),
  ],
  [
    'where a canary pod does not run',
    inputOf(measured([enforced('node-a'), failed('node-b')]), ['node-a', 'node-b']),
    both(`Unknown NotMeasured: ${FAILURE}`),
  ],
  [
    'where one failed a while after another had decided',
    inputOf(measured([{ ...enforced('node-a'), failure: FAILURE }]), ['node-a']),
    [ENFORCED, READY],
  ],
  [
    'where what was found no longer counts',
    inputOf(measured([enforced('node-a', AT_MS - FRESH_MS - 1)], 'No gateway is ready'), ['node-a']),
    both('Unknown NotMeasured: No gateway is ready'),
  ],
  [
    'where nothing can be measured',
    inputOf(measured([], 'No gateway is ready')),
    both('Unknown NotMeasured: No gateway is ready'),
  ],
  [
    'before the first canary',
    inputOf(measured([])),
    both('Unknown NotMeasured: The first canary pod is on its way'),
  ],
  [
    'under full access',
    inputOf(measured([open('node-a')]), [], FULL),
    [
      'Unknown NotIsolated: No lane of its policy is isolated: full access and dry-run restrict nothing',
      READY,
    ],
  ],
  [
    'in dry-run, since some products stay enforced',
    inputOf(measured([open('node-a')]), [], DRY_RUN),
    both(`False NotEnforced: ${NOT_ENFORCED}`),
  ],
  [
    'under full access, while pods of the former policy run',
    inputOf(measured([open('node-a')]), ['node-a'], FULL),
    both(`False NotEnforced: ${NOT_ENFORCED}`),
  ],
])('Isolated and Ready %s', (_, input, expected) => {
  expect(verdictsOf(input)).toEqual(expected);
});

describe('a replica that has just become leader', () => {
  const stored = (nodes: Nodes): StatusInput => {
    const input = inputOf(measured(nodes), ['node-a', 'node-b']);
    return withStored(input, renderStatuses(input).statuses);
  };
  const statusesWith = (input: StatusInput, nodes: Nodes, obstacle?: string) =>
    conditionOf(
      renderStatuses({ ...input, isolation: measured(nodes, obstacle) }).statuses,
      TEAM_A,
      'Isolated',
    );

  it.each([
    ['True', stored(['node-a', 'node-b'].map((node) => enforced(node)))],
    ['False', stored([open('node-a'), enforced('node-b')])],
  ])('leaves %s as it is until it knows more', (_, input) => {
    expect(renderStatuses({ ...input, isolation: measured([]) }).statuses).toEqual([]);
  });

  it('takes False back only when all nodes of the workspace were measured', () => {
    const input = stored([open('node-a'), enforced('node-b')]);
    expect(statusesWith(input, [enforced('node-b')])).toBeUndefined();
    expect(
      statusesWith(
        input,
        ['node-a', 'node-b'].map((node) => enforced(node)),
      )?.status,
    ).toBe('True');
  });

  it('does not hold on to True when nothing can be measured', () => {
    const input = stored(['node-a', 'node-b'].map((node) => enforced(node)));
    expect(statusesWith(input, [], 'No gateway is ready')?.status).toBe('Unknown');
  });
});

it('asks to be computed again when a finding no longer counts', () => {
  const { changesAtMs } = renderStatuses(inputOf(measured([enforced('node-a', AT_MS - 1000)]), ['node-a']));
  expect(changesAtMs).toBeLessThanOrEqual(AT_MS - 1000 + FRESH_MS + 1);
});

const NAMES = ['node-a', 'node-b', 'node-c', 'node-d'];
const measurement = fc.constantFrom<(name: string) => NodeMeasurement>(
  (name) => enforced(name),
  (name) => open(name),
  (name) => enforced(name, AT_MS - FRESH_MS - 1),
  (name) => open(name, AT_MS - FRESH_MS - 1),
  failed,
  (name) => ({ ...enforced(name), failure: FAILURE }),
  (name) => ({ ...open(name), failure: FAILURE }),
);

it('True needs a fresh finding of every node with its pods that was measured, and none that let a pod through', () => {
  const counts: Record<string, number> = {};
  const made = fc.record({
    used: fc.subarray(NAMES),
    nodes: fc
      .subarray(NAMES)
      .chain((names) => fc.tuple(...names.map((name) => measurement.map((make) => make(name))))),
    obstacle: fc.option(fc.constant('No gateway is ready'), { nil: undefined }),
  });
  fc.assert(
    fc.property(made, ({ used, nodes, obstacle }) => {
      const [isolated = '', ready = ''] = verdictsOf(inputOf(measured(nodes, obstacle), used));
      const own = nodes.filter(({ node }) => used.includes(node));
      const counted = own.length > 0 ? own : nodes;
      const fresh = counted.filter(
        ({ finding }) => finding !== undefined && finding.atMs >= AT_MS - FRESH_MS,
      );
      const isOpen = fresh.some(({ finding }) => finding?.reached !== undefined);
      const isWhole = counted.length > 0 && fresh.length === counted.length;
      const status = isOpen ? 'False' : isWhole ? 'True' : 'Unknown';
      counts[status] = (counts[status] ?? 0) + 1;
      expect(isolated.split(' ')[0]).toBe(status);
      expect(ready.split(' ')[0]).toBe(status);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(Math.min(counts['True'] ?? 0, counts['False'] ?? 0, counts['Unknown'] ?? 0)).toBeGreaterThan(
    RUNS / 20,
  );
});
