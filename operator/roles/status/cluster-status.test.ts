import {
  manifest,
  policyManifest,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import type { GatewayReport } from '../../model/gateway-report.ts';
import { formatConditions, formatGateways, formatRejections, formatWorkspaces } from './cluster-status.ts';

const AT_MS = Date.parse('2026-11-29T12:00:00Z');
const NAME = 'data-platform-production';
const GATEWAY = 'sallyport-gateway-7d9f8b6c5d-x7k2q';

const policyEnforcement = { enforcementMode: 'DRY_RUN', dryRunModeProductFilter: ['DBSQL'] };
const { plans } = compileSnapshot(
  readSnapshot(
    workspaceManifest(NAME),
    manifest('PolicyAssignment', NAME, { networkPolicyId: 'restricted-for-production' }),
    policyManifest('restricted-for-production', { policyEnforcement }),
  ),
);
const message = `Pod "etl-0" runs in lane full, which is more open than its product has now: restart it, and the next one has lane enforced`;
const condition = { type: 'Ready', status: 'False', reason: 'MoreOpenPodsRunning', message };
const assignment = {
  ...{ kind: 'PolicyAssignment', metadata: { name: NAME } },
  status: { conditions: [{ ...condition, lastTransitionTime: '2026-11-29T11:00:00Z' }] },
};
const report: GatewayReport = {
  ...{ kind: 'GatewayReport', metadata: { name: GATEWAY } },
  spec: {
    ...{ ready: true, renewTime: '2026-11-29T11:59:55Z', envoyVersion: '1.40.0' },
    tables: [
      { table: 'restricted-for-production', revision: 'r1', rejection: 'too many routes in one table' },
    ],
  },
} as unknown as GatewayReport;

function statusOf(width?: number): readonly string[] {
  const text = [
    formatWorkspaces(plans, [assignment], width),
    formatConditions([assignment], width),
    formatGateways([report], plans, { nowMs: AT_MS, width }),
    formatRejections([report], width),
  ];
  return text.join('').trimEnd().split('\n');
}

test('what others wrote into fields is shown, obeyed by no terminal, and has a bound', () => {
  const evil = `\u001b[2J\nForged/line: Ready\u009b${'x'.repeat(30_000)}`;
  const written = {
    ...assignment,
    status: { conditions: [{ ...assignment.status.conditions[0], reason: evil, message: evil }] },
  };
  const rejected = { ...report, spec: { ...report.spec, envoyVersion: evil } } as GatewayReport;
  const text = [
    formatConditions([written], 80),
    formatGateways([rejected], plans, { nowMs: AT_MS, width: undefined }),
  ].join('');
  expect(text).not.toMatch(/[^\P{Cc}\n]|^Forged/mu);
  expect(text).toContain('\\u001b[2J\\u000aForged/line: Ready\\u009bxxx');
  expect(text.length).toBeLessThan(10_000);
});

describe('the tables and sentences of status', () => {
  test.each([60, 80, 120, 160])('have room in %i columns', (width) => {
    expect(statusOf(width).filter((line) => line.length > width)).toEqual([]);
  });

  test('of 80 columns leave out the least, and keep names of gateways', () => {
    expect(statusOf(80)).toEqual([
      'WORKSPACE                  POLICY                      MODE    READY',
      'data-platform-production   restricted-for-production   mixed   False',
      'PolicyAssignment/data-platform-production: Ready=False MoreOpenPodsRunning:',
      '  Pod "etl-0" runs in lane full, which is more open than its product has now:',
      '  restart it, and the next one has lane enforced',
      'GATEWAY                              READY   REPORTED   CURRENT   REJECTED',
      `${GATEWAY}   yes     5s ago     0 of 1    1`,
      `${GATEWAY} runs a former`,
      '  EgressTable/restricted-for-production: too many routes in one table',
    ]);
  });

  test('leave out nothing in a pipe', () => {
    const lines = statusOf();
    expect(lines[0]).toMatch(/^WORKSPACE +ID +POLICY +MODE +LANES +READY$/);
    expect(lines).toContain(`PolicyAssignment/${NAME}: Ready=False MoreOpenPodsRunning: ${message}`);
    expect(lines).toContainEqual(
      expect.stringMatching(/^GATEWAY +DIRECTION +READY +REPORTED +ENVOY +CURRENT +/),
    );
  });

  test('say of an assignment what must restart, and not of its policy once more', () => {
    const restart = {
      ...condition,
      type: 'RestartRequired',
      status: 'True' as const,
      lastTransitionTime: '',
    };
    const objects = ['PolicyAssignment', 'NetworkPolicy'].map((kind) => ({
      ...{ kind, metadata: { name: 'one' } },
      status: { conditions: [restart] },
    }));
    expect(formatConditions(objects)).toBe(
      `PolicyAssignment/one: RestartRequired=True MoreOpenPodsRunning: ${message}\n`,
    );
  });
});
