import { type Manifest, manifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import { AT_MS, conditionOf, statusInput, withStored } from '../../../../test/fixtures/status-fixture.ts';
import { CONFIRM_WITHIN } from '../../../model/access-annotations.ts';
import type { GatewayReport, GatewayReportSpec } from '../../../model/gateway-report.ts';
import { packBits } from '../../../model/list-hits-report.ts';
import { renderEvents } from '../events.ts';
import { renderStatuses } from './render-statuses.ts';
import type { StatusInput } from './status-index.ts';

const WORKSPACE = workspaceManifest('team');
const LIST = 'IpAccessList/team/office';
const CONF = 'WorkspaceConf/team/workspace';

function list(name: string, more: Readonly<Record<string, unknown>> = {}): Manifest {
  const spec = { label: name, listType: 'ALLOW', ipAddresses: ['1.1.1.1', '2.2.2.2/21'], ...more };
  return manifest('IpAccessList', name, spec, 'team');
}

function annotated(object: Manifest, annotations: Readonly<Record<string, string>>): Manifest {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function conf(spec: Readonly<Record<string, unknown>> = {}): Manifest {
  const ingress = { hosts: ['data.example'], backends: [{ serviceName: 'web', port: 80 }] };
  return manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: true, ingress, ...spec }, 'team');
}

function reported(input: StatusInput, spec: Partial<GatewayReportSpec> = {}, name = 'door-1'): StatusInput {
  const ingressPlans = input.compiled.ingressPlans.map(({ metadata, spec: { revision } }) => ({
    workspace: metadata.name,
    revision,
  }));
  const renewTime = new Date(AT_MS).toISOString();
  const report: GatewayReport = {
    kind: 'GatewayReport',
    metadata: { name },
    spec: { direction: 'INGRESS', ready: true, renewTime, ingressPlans, ...spec },
  };
  const gatewayReports = [...input.state.gatewayReports, report];
  return { ...input, state: { ...input.state, gatewayReports } };
}

/** "True Programmed". */
function condition(input: StatusInput, key: string, type: string): string {
  const { status, reason } = conditionOf(renderStatuses(input).statuses, key, type) ?? {};
  return `${status} ${reason}`;
}

describe('the status of an IpAccessList', () => {
  it.each<[string, readonly Manifest[], string]>([
    ['valid', [list('office'), conf()], 'True Accepted Valid and in use'],
    [
      'in dry-run',
      [list('office', { mode: 'DRY_RUN' }), conf()],
      'True Accepted Valid and in use: it denies nobody',
    ],
    ['switched off', [list('office')], 'True Accepted Valid. It has no effect until enableIpAccessLists'],
    [
      'not enabled',
      [list('office', { enabled: false }), conf()],
      'True Accepted Valid. It has no effect while',
    ],
    [
      'too long',
      [
        list('a', { ipAddresses: Array.from({ length: 999 }, (_, at) => `10.0.${at >> 8}.${at & 255}`) }),
        list('office'),
        conf(),
      ],
      'False TooManyAddresses spec.ipAddresses: Cannot accept 2 addresses',
    ],
    [
      'of a label that another has',
      [list('a', { label: 'office' }), list('office')],
      'True DuplicateLabel spec.label: IpAccessList "a" is also of type ALLOW with label "office": neither replaces the other',
    ],
    [
      'with a misspelt annotation',
      [annotated(list('office'), { 'sallyport.dev/confirm-wihtin': '10m' }), conf()],
      'True AnnotationIgnored metadata.annotations[sallyport.dev/confirm-wihtin]: Cannot use annotation',
    ],
    [
      'empty',
      [list('office', { ipAddresses: [] }), conf()],
      'True DeniesEverybody spec.ipAddresses: Nobody may access the workspace, since',
    ],
    [
      'not readable',
      [list('office', { ipAddresses: ['010.0.0.1'] }), conf()],
      'False Invalid spec.ipAddresses[0]: Cannot accept',
    ],
  ])('that is %s', (_, manifests, wanted) => {
    const { statuses } = renderStatuses(statusInput(WORKSPACE, ...manifests));
    const { status, reason, message } = conditionOf(statuses, LIST, 'Accepted') ?? {};
    expect(`${status} ${reason} ${message}`.slice(0, wanted.length)).toBe(wanted);
  });

  it('says that a list which cannot be read shuts everybody out', () => {
    const { statuses } = renderStatuses(
      statusInput(WORKSPACE, list('office', { ipAddresses: ['1.1.1'] }), conf()),
    );
    expect(conditionOf(statuses, LIST, 'Accepted')?.message).toContain('nobody may access the workspace');
  });

  it('follows what ingress gateways run, and no other gateways', () => {
    const input = statusInput(WORKSPACE, list('office'), conf());
    expect(condition(input, LIST, 'Programmed')).toBe('False NoGateway');
    const { message } = conditionOf(renderStatuses(input).statuses, LIST, 'Programmed') ?? {};
    expect(message).toContain('set the value ingress.enabled of the chart to true');
    for (const direction of ['EGRESS', 'API'] as const)
      expect(condition(reported(input, { direction }), LIST, 'Programmed')).toBe('False NoGateway');
    expect(condition(reported(input), LIST, 'Programmed')).toBe('True Programmed');
    expect(condition(reported(input), LIST, 'Ready')).toBe('True Ready');
    const old = [{ workspace: 'team', revision: 'old' }];
    expect(condition(reported(input, { ingressPlans: old }), LIST, 'Programmed')).toBe('False Pending');
    const both = reported(reported(input), { ingressPlans: old }, 'door-2');
    expect(condition(both, LIST, 'Programmed')).toBe('False Pending');
  });

  it('is not used where there are neither hosts nor ingress gateways', () => {
    const input = statusInput(WORKSPACE, list('office'), conf({ ingress: {} }));
    expect(condition(input, LIST, 'Programmed')).toBe('Unknown NotUsed');
    expect(condition(input, LIST, 'Ready')).toBe('True NotUsed');
    const { message } = conditionOf(renderStatuses(input).statuses, LIST, 'Ready') ?? {};
    expect(message).toContain('Nobody enforces it, since no host is served: name some in spec.ingress.hosts');
    expect(condition(reported(input), LIST, 'Programmed')).toBe('True Programmed');
  });

  it.each<[string, readonly Manifest[], string]>([
    ['in force', [list('office'), conf()], 'True Ready In force'],
    ['in dry-run', [list('office', { mode: 'DRY_RUN' }), conf()], 'True Ready In force: it denies nobody'],
    [
      'switched off',
      [list('office'), conf({ enableIpAccessLists: false })],
      'True NotUsed It has no effect until enableIpAccessLists of the WorkspaceConf is true',
    ],
    [
      'not enabled',
      [list('office', { enabled: false }), conf()],
      'True Disabled It has no effect while spec.enabled is false',
    ],
    [
      'to be confirmed',
      [annotated(list('office'), { [CONFIRM_WITHIN]: '10m' }), conf()],
      'True AwaitingConfirmation It is in force, and is taken back at 20',
    ],
    [
      'of a label that another has, and switched off',
      [list('a', { label: 'office' }), list('office'), conf({ enableIpAccessLists: false })],
      'True NotUsed ',
    ],
  ])('says by Ready what becomes of a list that is %s', (_, manifests, wanted) => {
    const { statuses } = renderStatuses(reported(statusInput(WORKSPACE, ...manifests)));
    const { status, reason, message } = conditionOf(statuses, LIST, 'Ready') ?? {};
    expect(`${status} ${reason} ${message}`.slice(0, wanted.length)).toBe(wanted);
  });

  it('adds the hits of all gateways and of the API, and counts entries that none of them saw', () => {
    const hits = (total: number, bits: readonly boolean[], lastHitTime: string) => ({
      listHits: [{ workspace: 'team', listId: 'office', total, lastHitTime, hitEntries: packBits(bits) }],
    });
    const three = list('office', { ipAddresses: ['1.1.1.1', '2.2.2.2', '3.3.3.3'] });
    const input = statusInput(WORKSPACE, three, conf());
    const one = reported(input, hits(3, [true, false, false], '2027-01-30T10:00:00.000Z'));
    const two = reported(one, hits(4, [false, false, true], '2027-01-30T11:00:00.000Z'), 'door-2');
    const statuses = (of: StatusInput) => renderStatuses(of).statuses;
    const wanted = { total: 7, lastHitTime: '2027-01-30T11:00:00.000Z', entriesNeverHit: 1 };
    expect(statuses(two).find(({ key }) => key === LIST)?.status).toMatchObject({ hits: wanted });
    const stored = withStored(two, statuses(two));
    const soon = reported(one, hits(5, [false, false, true], '2027-01-30T11:04:00.000Z'), 'door-2');
    const later = reported(one, hits(6, [false, false, true], '2027-01-30T11:06:00.000Z'), 'door-2');
    const again = (of: StatusInput) =>
      statuses({ ...of, state: { ...of.state, statuses: stored.state.statuses } });
    expect(again(soon).some(({ key }) => key === LIST)).toBe(false);
    expect(again(later).find(({ key }) => key === LIST)?.status).toMatchObject({ hits: { total: 9 } });
    const apiHits = hits(2, [false, true, false], '2027-01-30T11:01:00.000Z').listHits;
    const withApi = { ...two, state: { ...two.state, apiHits } };
    const all = { total: 9, lastHitTime: '2027-01-30T11:01:00.000Z', entriesNeverHit: 0 };
    expect(statuses(withApi).find(({ key }) => key === LIST)?.status).toMatchObject({ hits: all });
  });
});

describe('the status of a WorkspaceConf', () => {
  it.each<[string, readonly Manifest[], string]>([
    ['serves', [conf()], 'True Accepted'],
    [
      'wants a host of another workspace',
      [
        workspaceManifest('elder', {}, '2020-01-01T00:00:00Z'),
        { ...conf(), metadata: { name: 'workspace', namespace: 'elder' } },
        conf(),
      ],
      'False HostTaken',
    ],
    [
      'names an address',
      [conf({ ingress: { hosts: ['a.example'], backends: [{ address: '10.0.0.1', port: 1 }] } })],
      'False BackendNotUsable',
    ],
  ])('that %s', (_, manifests, wanted) => {
    const team = workspaceManifest('team', {}, '2021-01-01T00:00:00Z');
    expect(condition(statusInput(team, ...manifests), CONF, 'Accepted')).toBe(wanted);
  });

  it('says what a gateway misses', () => {
    const input = statusInput(WORKSPACE, conf());
    expect(condition(input, CONF, 'ResolvedRefs')).toBe('undefined undefined');
    expect(condition(reported(input), CONF, 'ResolvedRefs')).toBe('True ResolvedRefs');
    const faults = [{ reason: 'SecretNotFound', message: 'Cannot find Secret "cert"' }] as const;
    const [plan] = input.compiled.ingressPlans;
    const ingressPlans = [{ workspace: 'team', revision: plan?.spec.revision ?? '', faults: [...faults] }];
    const missing = reported(reported(input), { ingressPlans }, 'door-2');
    expect(condition(missing, CONF, 'ResolvedRefs')).toBe('False SecretNotFound');
    expect(condition(missing, CONF, 'Ready')).toBe('False SecretNotFound');
  });

  it('reports in force once for the workspace, not for each of its lists', () => {
    const input = statusInput(WORKSPACE, list('office'), list('home'), conf());
    const pending = withStored(input, renderStatuses(input).statuses);
    const running = reported(pending);
    const { statuses } = renderStatuses(running);
    expect(
      renderEvents(statuses, running.state.statuses).map(({ regarding, reason }) => [regarding.kind, reason]),
    ).toEqual([
      ['WorkspaceConf', 'ResolvedRefs'],
      ['WorkspaceConf', 'Programmed'],
    ]);
  });
});
