// All kinds of the group, for the CRD generator and for whoever must treat every kind alike.
import { callerReportKind } from './caller-report.ts';
import { egressTableKind } from './egress-table.ts';
import { gatewayReportKind } from './gateway-report.ts';
import { ingressPlanKind } from './ingress-plan.ts';
import { ipAccessListKind } from './ip-access-list.ts';
import type { KindDescription } from './kubernetes-object.ts';
import { metastoreKind } from './metastore.ts';
import { networkPolicyKind } from './network-policy.ts';
import { policyAssignmentKind } from './policy-assignment.ts';
import { privateEndpointKind } from './private-endpoint.ts';
import { workspaceConfKind } from './workspace-conf.ts';
import { workspacePlanKind } from './workspace-plan.ts';

export const KINDS: readonly KindDescription[] = [
  networkPolicyKind,
  policyAssignmentKind,
  metastoreKind,
  privateEndpointKind,
  workspaceConfKind,
  ipAccessListKind,
  egressTableKind,
  workspacePlanKind,
  ingressPlanKind,
  gatewayReportKind,
  callerReportKind,
];
