// What `kubectl sallyport status` says, from plans, conditions and reports: text for a terminal. No I/O.
import { fittedTable, type TableFit, wrapText } from '../../lib/fit-table.ts';
import { storedConditions } from '../../model/condition.ts';
import { directionOf, type GatewayReport } from '../../model/gateway-report.ts';
import type { StoredCondition } from '../../model/kubernetes-object.ts';
import { enforcementOf, type WorkspacePlan } from '../../model/workspace-plan.ts';
import { printableField } from '../shared/person-terminal.ts';

/** An object with conditions, such as a PolicyAssignment. */
export interface ConditionedObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly status?: unknown;
}

/** These are True when something is to be done; all others when nothing is. */
const TROUBLE_WHEN_TRUE: readonly string[] = ['RestartRequired', 'BroaderPolicies'];

export function formatWorkspaces(
  plans: readonly WorkspacePlan[],
  objects: readonly ConditionedObject[],
  width?: number,
): string {
  if (plans.length === 0) return 'No workspaces\n';
  const assignments = objects.filter(({ kind }) => kind === 'PolicyAssignment');
  const byName = new Map(assignments.map((one) => [one.metadata.name, one]));
  const rows = plans.map((plan) => {
    const { metadata, spec } = plan;
    const conditions = storedConditions(byName.get(metadata.name)?.status);
    const lanes = [...new Set(spec.products.map(({ lane }) => lane))].join(', ');
    const ready = conditions.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
    return [
      metadata.name,
      spec.workspaceId || '-',
      spec.networkPolicyId,
      enforcementOf(plan),
      lanes || '-',
      ready,
    ];
  });
  return tableOf([['WORKSPACE', 'ID', 'POLICY', 'MODE', 'LANES', 'READY'], ...rows], {
    ...{ width, leftOut: ['ID', 'LANES'], least: { WORKSPACE: 20, POLICY: 20 } },
  });
}

/** What keeps objects from what they should be, a line each; "" where nothing does. */
export function formatConditions(objects: readonly ConditionedObject[], width?: number): string {
  const sentences = objects.flatMap(({ kind, metadata, status }) =>
    troubles(kind, storedConditions(status)).map(
      ({ type, status: value, reason, message }) =>
        `${kind}/${metadata.name}: ${type}=${value} ${reason}: ${message}`,
    ),
  );
  return formatSentences(sentences, width);
}

/** A line each, or more where the terminal is narrow. */
export function formatSentences(sentences: readonly string[], width?: number): string {
  return sentences.map((sentence) => `${wrapText(printableField(sentence), width)}\n`).join('');
}

/** An object that waits to be used asks for nothing. */
const UNUSED = 'NotUsed';

function troubles(kind: string, conditions: readonly StoredCondition[]): readonly StoredCondition[] {
  const found = conditions.filter(({ type, status, reason }) => {
    if (reason === UNUSED) return false;
    // Of a policy it is the sum of its workspaces, which say more.
    if (type === 'RestartRequired' && kind === 'NetworkPolicy') return false;
    return TROUBLE_WHEN_TRUE.includes(type) ? status === 'True' : status !== 'True';
  });
  // Ready repeats the first of the others.
  const others = found.filter(({ type }) => type !== 'Ready');
  return found.filter(({ type, reason }) => type !== 'Ready' || others.every((one) => one.reason !== reason));
}

export function formatGateways(
  reports: readonly GatewayReport[],
  plans: readonly WorkspacePlan[],
  { nowMs, width }: { readonly nowMs: number; readonly width?: number | undefined },
): string {
  const gateways = reports.filter((report) => directionOf(report) !== 'API');
  if (gateways.length === 0) return 'No gateway has reported yet\n';
  const wanted = new Map(plans.map(({ metadata, spec }) => [metadata.name, spec.revision]));
  const rows = gateways.map(({ metadata, spec }) => {
    const current = (spec.plans ?? []).filter(
      ({ workspace, revision }) => wanted.get(workspace) === revision,
    );
    const rejected = [...(spec.tables ?? []), ...(spec.plans ?? []), ...(spec.ingressPlans ?? [])].filter(
      ({ rejection }) => rejection !== undefined,
    );
    const isIngress = spec.direction === 'INGRESS';
    return [
      metadata.name,
      isIngress ? 'ingress' : 'egress',
      spec.ready ? 'yes' : 'no',
      `${Math.max(0, Math.round((nowMs - Date.parse(spec.renewTime)) / 1000))}s ago`,
      spec.envoyVersion ?? '-',
      isIngress ? '-' : `${current.length} of ${plans.length}`,
      `${rejected.length}`,
    ];
  });
  const headings = ['GATEWAY', 'DIRECTION', 'READY', 'REPORTED', 'ENVOY', 'CURRENT', 'REJECTED'];
  // Names of pods differ at their end, so that of a gateway is shortened last.
  const leftOut = ['ENVOY', 'DIRECTION', 'REPORTED'];
  return tableOf([headings, ...rows], { width, leftOut, least: { GATEWAY: 30 } });
}

/** What Envoy rejected, a line each. */
export function formatRejections(reports: readonly GatewayReport[], width?: number): string {
  const sentences = reports
    .flatMap(({ metadata, spec }) => [
      ...(spec.tables ?? []).map(({ table, rejection }) => ({
        metadata,
        what: `EgressTable/${table}`,
        rejection,
      })),
      ...(spec.plans ?? []).map(({ workspace, rejection }) => ({
        ...{ metadata, rejection },
        what: `WorkspacePlan/${workspace}`,
      })),
      ...(spec.ingressPlans ?? []).map(({ workspace, rejection }) => ({
        ...{ metadata, rejection },
        what: `IngressPlan/${workspace}`,
      })),
    ])
    .filter(({ rejection }) => rejection !== undefined)
    .map(({ metadata, what, rejection }) => `${metadata.name} runs a former ${what}: ${rejection}`);
  return formatSentences(sentences, width);
}

function tableOf(rows: readonly (readonly string[])[], fit: TableFit): string {
  const printable = rows.map((row) => row.map(printableField));
  return fittedTable(printable, fit)
    .map((line) => `${line}\n`)
    .join('');
}
