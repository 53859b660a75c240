// What pods the operator may make: canary pods, in their own Namespace, which the other policies of its identity say.
// Nothing that a pod could be used for otherwise is in them: no token, no volume, no variable, no host, and one
// container that runs the role "canary".
import { CANARY_NAME, GATEWAY_LABEL, type Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celMessage, celText, HAS_NO_SYSTEM_PRIORITY, labelsOf } from './cel.ts';
import { podRule, validatingPolicy } from './policy-objects.ts';
import { isOperator } from './protection.ts';

export function narrowOperatorOnCanaries(installation: Installation): readonly JsonObject[] {
  return validatingPolicy({
    name: 'operator-canaries',
    rules: [podRule('CREATE'), podRule('DELETE')],
    matchCondition: isOperator(installation),
    variables: [
      { name: 'labels', expression: `object == null ? ${labelsOf('oldObject')} : ${labelsOf('object')}` },
    ],
    validations: [
      {
        expression: `variables.labels[?${celText(GATEWAY_LABEL)}].orValue('') == ${celText(CANARY_NAME)} && (object == null || ${IS_CANARY})`,
        message: celMessage(
          `Cannot write pod "{request.?name.orValue('')}": the operator of Sallyport makes and deletes only canary pods, which have one container, neither token nor volumes, and request nothing of a node`,
        ),
      },
    ],
  });
}

const none = (of: string, fields: readonly string[]): readonly string[] =>
  fields.map((field) => `size(${of}.?${field}.orValue([])) == 0`);

const IS_CANARY = [
  `object.spec.?serviceAccountName.orValue('') == ${celText(CANARY_NAME)}`,
  'object.spec.?automountServiceAccountToken.orValue(true) == false',
  HAS_NO_SYSTEM_PRIORITY,
  `object.spec.?restartPolicy.orValue('Always') == 'Never'`,
  'object.spec.?activeDeadlineSeconds.orValue(3600) <= 60',
  ...['hostNetwork', 'hostPID', 'hostIPC'].map((field) => `!object.spec.?${field}.orValue(false)`),
  ...none('object.spec', ['initContainers', 'volumes', 'hostAliases', 'resourceClaims']),
  ...none('object.metadata', ['ownerReferences', 'finalizers']),
  'size(object.spec.containers) == 1',
  ...none('object.spec.containers[0]', [
    'command',
    'env',
    'envFrom',
    'ports',
    'volumeMounts',
    'volumeDevices',
  ]),
  `object.spec.containers[0].?args.orValue(['']).indexOf('canary') == 0`,
  // dyn(): the type checker of the API server does not know the fields of resources.
  `dyn(object.spec.containers[0]).?resources.?requests.orValue({}).all(k, dyn(object.spec.containers[0]).resources.requests[k] == '0')`,
].join(' && ');
