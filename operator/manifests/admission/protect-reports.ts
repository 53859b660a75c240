// A pod reports for itself only: the name of the report is that of the pod to which the writer's token is bound. So a
// compromised gateway cannot report for others, nor one of ingress for one of egress, nor the REST API for a gateway.
import { callerReportKind } from '../../model/caller-report.ts';
import { gatewayReportKind, type ReportDirection } from '../../model/gateway-report.ts';
import { GROUP, type KindDescription, VERSION } from '../../model/kubernetes-object.ts';
import { accountUser, type Installation, POD_NAME_EXTRA } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celText } from './cel.ts';
import { type ResourceRule, WRITES, wholly } from './policy-objects.ts';
import { isUser, protection } from './protection.ts';

const NAME = '(object == null ? oldObject : object).metadata.name';
/** Set by the API server when it accepts a token that is bound to a pod. */
const IS_OF_NAME = `request.userInfo.?extra[?${celText(POD_NAME_EXTRA)}].orValue([]) == [${NAME}]`;

export function protectReports(installation: Installation): readonly JsonObject[] {
  const { systemNamespace, gatewayAccount, ingressAccount, apiAccount, collectorAccount } = installation;
  const is = (account: string): string => isUser(accountUser(systemNamespace, account));
  const reportsAs = (account: string, direction: ReportDirection): string =>
    `${is(account)} && (object == null ? oldObject : object).spec.?direction.orValue('EGRESS') == ${celText(direction)}`;
  const writers = [
    reportsAs(gatewayAccount, 'EGRESS'),
    reportsAs(ingressAccount, 'INGRESS'),
    reportsAs(apiAccount, 'API'),
  ];
  const isWriter = `(${writers.join(' || ')}) && ${IS_OF_NAME}`;
  // Of a pod that is gone, whose denials it has counted.
  const isCounted = `request.operation == 'DELETE' && ${is(collectorAccount)} && has(oldObject.spec.denials)`;
  return [
    ...protection(installation, {
      name: 'reports',
      rules: [writesOf(gatewayReportKind)],
      touches: 'true',
      orElse: `${isWriter} || ${isCounted}`,
      message: `Cannot write GatewayReport "{${NAME}}": only the pod of that name may, with its own token and its own direction`,
    }),
    ...protection(installation, {
      name: 'caller-reports',
      rules: [writesOf(callerReportKind)],
      touches: 'true',
      orElse: `${is(apiAccount)} && ${IS_OF_NAME}`,
      message: `Cannot write CallerReport "{${NAME}}": only the API pod of that name may, with its own token`,
    }),
  ];
}

function writesOf({ plural }: KindDescription): ResourceRule {
  return { group: GROUP, version: VERSION, resources: wholly(plural), operations: WRITES };
}
