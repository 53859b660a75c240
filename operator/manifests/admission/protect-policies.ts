// Policies that workspaces are under cannot be deleted. A workspace without its policy would reach nothing, which
// nobody should cause by accident.
import { API_VERSION, DEFAULT_POLICY, GROUP, VERSION } from '../../model/kubernetes-object.ts';
import { networkPolicyKind } from '../../model/network-policy.ts';
import { policyAssignmentKind } from '../../model/policy-assignment.ts';
import type { JsonObject } from '../crd.ts';
import { celMessage, celText } from './cel.ts';
import { type ResourceRule, validatingPolicy } from './policy-objects.ts';

const DELETION: readonly ResourceRule[] = [
  { group: GROUP, version: VERSION, resources: [networkPolicyKind.plural], operations: ['DELETE'] },
];

export function protectPolicies(): readonly JsonObject[] {
  return [
    ...validatingPolicy({
      name: 'default-policy',
      rules: DELETION,
      validations: [
        {
          expression: `oldObject.metadata.name != ${celText(DEFAULT_POLICY)}`,
          message: celMessage(
            `Cannot delete NetworkPolicy "${DEFAULT_POLICY}": it applies to workspaces without an assignment. Change its spec instead`,
          ),
        },
      ],
    }),
    ...validatingPolicy({
      name: 'assigned-policies',
      rules: DELETION,
      paramKind: { apiVersion: API_VERSION, kind: policyAssignmentKind.kind },
      validations: [
        {
          expression: `params.?spec.?networkPolicyId.orValue(${celText(DEFAULT_POLICY)}) != oldObject.metadata.name`,
          message: celMessage(
            'Cannot delete NetworkPolicy "{oldObject.metadata.name}": workspace "{params.metadata.name}" is assigned to it. Assign another one first; where "kubectl delete -f" deletes both, run it a second time, once the assignments are gone',
          ),
        },
      ],
    }),
  ];
}
