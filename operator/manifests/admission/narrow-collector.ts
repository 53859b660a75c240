// What the collector of denials may write about others: Events in its own name. A stolen token of it makes no Event of
// another program, and changes none.
import { accountUser, DENIAL_EVENT_CONTROLLER, type Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celMessage, celText } from './cel.ts';
import { validatingPolicy, WRITES } from './policy-objects.ts';
import { isUser } from './protection.ts';

export function narrowCollector({ systemNamespace, collectorAccount }: Installation): readonly JsonObject[] {
  const isOwn = (object: string): string =>
    `(${object} == null || ${object}.reportingController == ${celText(DENIAL_EVENT_CONTROLLER)})`;
  return validatingPolicy({
    name: 'collector-events',
    rules: [{ group: 'events.k8s.io', version: 'v1', resources: ['events'], operations: WRITES }],
    matchCondition: isUser(accountUser(systemNamespace, collectorAccount)),
    validations: [
      {
        expression: `${isOwn('object')} && ${isOwn('oldObject')}`,
        message: celMessage(
          `Cannot write Event "{request.?name.orValue('')}": the collector of Sallyport writes only Events of its own, so somebody else may be using its token`,
        ),
      },
    ],
  });
}
