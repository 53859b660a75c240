// A gateway reports for itself only: the name of the report is that of the pod to which the writer's token is bound. So
// a compromised gateway cannot report for others.
import { gatewayReportKind } from '../../model/gateway-report.ts';
import { GROUP, VERSION } from '../../model/kubernetes-object.ts';
import { accountUser, type Installation, POD_NAME_EXTRA } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celText } from './cel.ts';
import { WRITES, wholly } from './policy-objects.ts';
import { isUser, protection } from './protection.ts';

const NAME = '(object == null ? oldObject : object).metadata.name';

export function protectReports(installation: Installation): readonly JsonObject[] {
  const { systemNamespace, gatewayAccount } = installation;
  const isGateway = isUser(accountUser(systemNamespace, gatewayAccount));
  // Set by the API server when it accepts a token that is bound to a pod.
  const isOfName = `request.userInfo.?extra[?${celText(POD_NAME_EXTRA)}].orValue([]) == [${NAME}]`;
  return protection(installation, {
    name: 'reports',
    rules: [
      { group: GROUP, version: VERSION, resources: wholly(gatewayReportKind.plural), operations: WRITES },
    ],
    touches: 'true',
    orElse: `${isGateway} && ${isOfName}`,
    message: `Cannot write GatewayReport "{${NAME}}": only the gateway pod of that name may, with its own token`,
  });
}
