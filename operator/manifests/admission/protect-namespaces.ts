// Labels and annotations that make a Namespace a workspace, or that its pods are stamped from, are not for everyone who
// may write the Namespace: one of them could open its egress.
import { GROUP } from '../../model/kubernetes-object.ts';
import { policyAssignmentKind } from '../../model/policy-assignment.ts';
import { ADOPT_ANNOTATION, BREAK_GLASS_ANNOTATION, USER_ANNOTATIONS } from '../../model/stamp.ts';
import type { Installation } from '../../model/system-names.ts';
import { TIER_LABEL, WORKSPACE_LABEL } from '../../model/workspace.ts';
import type { JsonObject } from '../crd.ts';
import { annotationsOf, celList, celMessage, celText, keepsOthers, labelsOf, mayUpdate } from './cel.ts';
import { type ResourceRule, type Variable, validatingPolicy, wholly } from './policy-objects.ts';
import { MAY_BREAK_GLASS, protection } from './protection.ts';

const MAY_ASSIGN = mayUpdate(policyAssignmentKind.plural, 'object.metadata.name');
const WHO_MAY_ASSIGN = 'only who may update PolicyAssignment "{object.metadata.name}" may do that';

const RULES: readonly ResourceRule[] = [
  { group: '', version: 'v1', resources: wholly('namespaces'), operations: ['CREATE', 'UPDATE'] },
];

const VARIABLES: readonly Variable[] = [
  { name: 'labels', expression: labelsOf('object') },
  { name: 'oldLabels', expression: labelsOf('oldObject') },
  { name: 'annotations', expression: annotationsOf('object') },
  { name: 'oldAnnotations', expression: annotationsOf('oldObject') },
];

export function protectNamespaces(installation: Installation): readonly JsonObject[] {
  return [
    ...validatingPolicy({
      name: 'namespaces',
      rules: RULES,
      variables: VARIABLES,
      validations: [
        {
          expression: `${celList([WORKSPACE_LABEL, TIER_LABEL])}.all(k, variables.labels[?k] == variables.oldLabels[?k]) || ${MAY_ASSIGN}`,
          message: celMessage(
            `Cannot change label "${WORKSPACE_LABEL}" or "${TIER_LABEL}" of Namespace "{object.metadata.name}": ${WHO_MAY_ASSIGN}`,
          ),
        },
        {
          expression: `${isSame(ADOPT_ANNOTATION)} || ${MAY_ASSIGN}`,
          message: celMessage(
            `Cannot change annotation "${ADOPT_ANNOTATION}" of Namespace "{object.metadata.name}": ${WHO_MAY_ASSIGN}`,
          ),
        },
        {
          expression: `${isSame(BREAK_GLASS_ANNOTATION)} || !(${celText(BREAK_GLASS_ANNOTATION)} in variables.annotations) || ${MAY_BREAK_GLASS}`,
          message: celMessage(
            `Cannot set annotation "${BREAK_GLASS_ANNOTATION}" of Namespace "{object.metadata.name}": only an administrator of the cluster may`,
          ),
        },
        {
          expression: `${isSame(BREAK_GLASS_ANNOTATION)} || !(${celText(BREAK_GLASS_ANNOTATION)} in variables.annotations) || variables.annotations[${celText(BREAK_GLASS_ANNOTATION)}].trim() != ''`,
          message: celMessage(
            `Cannot set annotation "${BREAK_GLASS_ANNOTATION}" of Namespace "{object.metadata.name}" without a reason: write one, which the audit log will show`,
          ),
        },
      ],
    }),
    ...protection(installation, {
      name: 'namespace-stamps',
      rules: RULES,
      variables: VARIABLES,
      namespace: 'oldObject',
      touches: `!(${keepsOthers('variables.annotations', 'variables.oldAnnotations', `!(${IS_OURS})`)})`,
      message: `Cannot change annotations of Namespace "{object.metadata.name}" that begin with "${GROUP}/": only Sallyport writes them, so leave them as they are`,
    }),
  ];
}

/** Of annotation `k`: whether only the operator writes it. */
export const IS_OURS = `k.startsWith('${GROUP}/') && !(k in ${celList(USER_ANNOTATIONS)})`;

function isSame(annotation: string): string {
  return `variables.annotations[?${celText(annotation)}] == variables.oldAnnotations[?${celText(annotation)}]`;
}
