import { manifest, policyManifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import {
  AT_MS,
  conditionOf,
  gatewayPod,
  reportOf,
  statusInput,
  withGateways,
} from '../../../../test/fixtures/status-fixture.ts';
import type { GatewayPod } from '../../../model/cluster-state.ts';
import type { GatewayReport } from '../../../model/gateway-report.ts';
import { renderStatuses } from './render-statuses.ts';

const INPUT = statusInput(
  policyManifest('acme'),
  ...['team-a', 'team-b'].flatMap((name) => [
    workspaceManifest(name),
    manifest('PolicyAssignment', name, { networkPolicyId: 'acme' }),
  ]),
);
const TABLES = reportOf('any', INPUT).spec.tables ?? [];
const PLANS = reportOf('any', INPUT).spec.plans ?? [];
const OLD_TABLES = TABLES.map((row) => ({ ...row, revision: 'old' }));
const RUNNING = reportOf('gw-a', INPUT);
const SILENT_SINCE = new Date(AT_MS - 40_001).toISOString();
const BARELY_HEARD = new Date(AT_MS - 40_000).toISOString();

function report(name: string, spec: Partial<GatewayReport['spec']> = {}): GatewayReport {
  return reportOf(name, INPUT, spec);
}

interface Gateways {
  readonly reports?: readonly GatewayReport[];
  readonly pods?: readonly GatewayPod[];
}

function programmed(key: string, { reports = [], pods = [] }: Gateways) {
  return conditionOf(renderStatuses(withGateways(INPUT, reports, pods)).statuses, key, 'Programmed');
}

describe('Programmed of a workspace is True', () => {
  it.each<[string, Gateways]>([
    ['when the only gateway runs exactly what is wanted', { reports: [RUNNING] }],
    ['when all gateways do', { reports: [RUNNING, report('gw-b')] }],
    [
      'without waiting for one that stopped',
      { reports: [RUNNING, report('gw-b', { ready: false, tables: [] })] },
    ],
    [
      'without waiting for a pod of the REST API',
      {
        reports: [
          RUNNING,
          report('api-1', { direction: 'API', tables: OLD_TABLES, renewTime: SILENT_SINCE }),
        ],
      },
    ],
    ['while a gateway was heard of just in time', { reports: [report('gw-a', { renewTime: BARELY_HEARD })] }],
    [
      'without waiting for a silent one whose pod is not ready',
      { reports: [RUNNING, report('gw-b', { renewTime: SILENT_SINCE })], pods: [gatewayPod('gw-b', false)] },
    ],
    [
      'without waiting for a pod that is not ready and has not reported',
      { reports: [RUNNING], pods: [gatewayPod('gw-b', false)] },
    ],
  ])('%s', (_, gateways) => {
    expect(programmed('PolicyAssignment/team-a', gateways)).toMatchObject({
      status: 'True',
      reason: 'Programmed',
    });
  });
});

describe('Programmed of a workspace is False', () => {
  const rejection = 'domains must be unique';
  it.each<[string, Gateways, string, string]>([
    ['without any gateway', {}, 'NoGateway', 'No gateway is there'],
    [
      'when the only gateway stopped',
      { reports: [report('gw-a', { ready: false })] },
      'GatewayNotReady',
      '"gw-a" has stopped or is starting, and no pod of a gateway is there: see whether the replicas of Deployment "sallyport-gateway" are 0',
    ],
    [
      'when all gateways start',
      {
        reports: ['a', 'b'].map((name) => report(name, { ready: false })),
        pods: ['a', 'b'].map((name) => gatewayPod(name, false)),
      },
      'GatewayNotReady',
      'No gateway is ready: "a", "b" have stopped or are starting',
    ],
    [
      'when the only gateway says it is ready and its pod is not',
      { reports: [RUNNING], pods: [gatewayPod('gw-a', false)] },
      'GatewayNotReady',
      '"gw-a"',
    ],
    [
      'when one of two fell silent',
      { reports: [RUNNING, report('gw-b', { renewTime: SILENT_SINCE })] },
      'GatewaySilent',
      `"gw-b" is ready, but has not reported since ${SILENT_SINCE}`,
    ],
    [
      'when a gateway runs another revision of the table',
      { reports: [RUNNING, report('gw-b', { tables: OLD_TABLES })] },
      'Pending',
      'Not yet on gateway "gw-b"',
    ],
    ['when a gateway lacks the table', { reports: [report('gw-a', { tables: [] })] }, 'Pending', '"gw-a"'],
    [
      'when a gateway lacks the workspace',
      { reports: [report('gw-a', { plans: PLANS.slice(1) })] },
      'Pending',
      '"gw-a"',
    ],
    [
      'when a ready pod has not reported',
      { reports: [RUNNING], pods: [gatewayPod('gw-a', true), gatewayPod('gw-b', true)] },
      'Pending',
      'Not yet on gateway "gw-b"',
    ],
    ['when only unreported pods are ready', { pods: [gatewayPod('gw-b', true)] }, 'Pending', '"gw-b"'],
    [
      "when Envoy rejected the table, in Envoy's words",
      { reports: [RUNNING, report('gw-b', { tables: OLD_TABLES.map((row) => ({ ...row, rejection })) })] },
      'GatewayRejected',
      `Envoy of gateway "gw-b" rejected it: ${rejection}`,
    ],
    [
      'when Envoy rejected the egress listener, even of the revision that it runs, and another gateway is silent',
      {
        reports: [
          report('gw-b', { plans: PLANS.map((row) => ({ ...row, rejection })) }),
          report('gw-c', { renewTime: SILENT_SINCE }),
        ],
      },
      'GatewayRejected',
      `gateway "gw-b" rejected it: ${rejection}`,
    ],
    [
      'naming three gateways at most',
      { reports: ['5', '4', '3', '2', '1'].map((name) => report(name, { tables: [] })) },
      'Pending',
      'Not yet on gateway "1", "2", "3" and 2 more',
    ],
  ])('%s', (_, gateways, reason, words) => {
    const condition = programmed('PolicyAssignment/team-a', gateways);
    expect(condition).toMatchObject({ status: 'False', reason });
    expect(condition?.message).toContain(words);
  });
});

describe('Programmed of a NetworkPolicy', () => {
  it('is True when all workspaces under it are in force', () => {
    expect(programmed('NetworkPolicy/acme', { reports: [RUNNING] })).toMatchObject({ status: 'True' });
  });

  it('counts the workspaces where it is in force, and names the first where it is not', () => {
    const reports = [report('gw-a', { plans: PLANS.slice(0, 1) })];
    expect(programmed('NetworkPolicy/acme', { reports })).toMatchObject({
      status: 'False',
      reason: 'Pending',
      message: 'In force in 1 of 2 workspaces; not in "team-b": Not yet on gateway "gw-a"',
    });
  });

  it('speaks of a rejection before a workspace that is only late', () => {
    const late = { workspace: 'team-a', revision: 'old' };
    const rejected = { workspace: 'team-b', revision: 'old', rejection: 'no' };
    expect(
      programmed('NetworkPolicy/acme', { reports: [report('gw-a', { plans: [late, rejected] })] }),
    ).toMatchObject({
      reason: 'GatewayRejected',
      message: 'In force in 0 of 2 workspaces; not in "team-b": Envoy of gateway "gw-a" rejected it: no',
    });
  });
});

describe('renderStatuses() says when it must run again:', () => {
  const later = new Date(AT_MS + 1000).toISOString();
  it.each<[string, readonly GatewayReport[], number | undefined]>([
    ['never without a gateway', [], undefined],
    [
      'when the first ready gateway would be silent',
      [report('b', { renewTime: later }), RUNNING],
      AT_MS + 40_001,
    ],
    ['not for a gateway that stopped', [report('a', { ready: false })], undefined],
    ['not for one that is silent already', [report('a', { renewTime: SILENT_SINCE })], undefined],
  ])('%s', (_, reports, expected) => {
    expect(renderStatuses(withGateways(INPUT, reports)).changesAtMs).toBe(expected);
  });

  it('and at that time the gateway is silent', () => {
    const input = withGateways(INPUT, [RUNNING]);
    const atMs = renderStatuses(input).changesAtMs ?? 0;
    const { statuses } = renderStatuses({ ...input, atMs });
    expect(conditionOf(statuses, 'PolicyAssignment/team-a', 'Programmed')?.reason).toBe('GatewaySilent');
  });
});
