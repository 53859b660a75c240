// A gateway reports for itself only: the name of the report is that of the pod to which the writer's token is bound. So
// one gateway that was taken over cannot speak for the others.
import { gatewayReportKind } from '../../../model/gateway-report.ts';
import { GROUP, VERSION } from '../../../model/kubernetes-object.ts';
import type { JsonObject } from '../crd.ts';
import { celMessage, celText, MAY_WRITE_STAMPS } from './cel.ts';
import { validatingPolicy } from './policy-objects.ts';

/** Set by the API server when it accepts a token that is bound to a pod. */
const POD_NAME = 'authentication.kubernetes.io/pod-name';

export function guardReports(): readonly JsonObject[] {
  return validatingPolicy({
    name: 'reports',
    rules: [
      {
        group: GROUP,
        version: VERSION,
        resources: [gatewayReportKind.plural],
        operations: ['CREATE', 'UPDATE'],
      },
    ],
    validations: [
      {
        expression: `request.userInfo.?extra[?${celText(POD_NAME)}].orValue([]) == [object.metadata.name] || ${MAY_WRITE_STAMPS}`,
        message: celMessage(
          'Cannot write GatewayReport "{object.metadata.name}": only the gateway pod of that name may, with its own token',
        ),
      },
    ],
  });
}
