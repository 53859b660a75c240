// Labels and annotations that make a Namespace a workspace, or that its pods are stamped from, are not for everyone who
// may write the Namespace: one of them could open its egress.
import { GROUP } from '../../model/kubernetes-object.ts';
import { policyAssignmentKind } from '../../model/policy-assignment.ts';
import {
  ADOPT_ANNOTATION,
  ADOPT_ISOLATE,
  BREAK_GLASS_ANNOTATION,
  USER_ANNOTATIONS,
} from '../../model/stamp.ts';
import type { Installation } from '../../model/system-names.ts';
import { TIER_LABEL, WORKSPACE_LABEL } from '../../model/workspace.ts';
import type { JsonObject } from '../crd.ts';
import { annotationsOf, celList, celMessage, celText, keepsOthers, labelsOf, mayUpdate } from './cel.ts';
import { type ResourceRule, type Variable, validatingPolicy, wholly } from './policy-objects.ts';
import { MAY_BREAK_GLASS, protection } from './protection.ts';

const MAY_ASSIGN = mayUpdate(policyAssignmentKind.plural, 'object.metadata.name');
const WHO_MAY_ASSIGN = 'only who may update PolicyAssignment "{object.metadata.name}" may do that';

/** Kubernetes' own. Name servers of all pods are there, and leases of nodes. */
const CLUSTER_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease'] as const;

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
          expression: `!(${celText(WORKSPACE_LABEL)} in variables.labels) || variables.labels[?${celText(WORKSPACE_LABEL)}] == variables.oldLabels[?${celText(WORKSPACE_LABEL)}] || !(object.metadata.name in ${celList(noWorkspaces(installation))})`,
          message: celMessage(
            `Cannot set label "${WORKSPACE_LABEL}" of Namespace "{object.metadata.name}": what Sallyport and the cluster need runs there, which isolation would cut off, so put workloads into a Namespace of their own`,
          ),
        },
        {
          expression: `${isSame(ADOPT_ANNOTATION)} || ${MAY_ASSIGN}`,
          message: celMessage(
            `Cannot change annotation "${ADOPT_ANNOTATION}" of Namespace "{object.metadata.name}": ${WHO_MAY_ASSIGN}`,
          ),
        },
        {
          expression: `${isSame(ADOPT_ANNOTATION)} || variables.annotations[?${celText(ADOPT_ANNOTATION)}].orValue(${celText(ADOPT_ISOLATE)}) == ${celText(ADOPT_ISOLATE)}`,
          message: celMessage(
            `Cannot set annotation "${ADOPT_ANNOTATION}" of Namespace "{object.metadata.name}" to "{variables.annotations[${celText(ADOPT_ANNOTATION)}]}": write "${ADOPT_ISOLATE}", or remove it`,
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

/** Those that are labelled already may stay so: what is restricted is not opened. */
function noWorkspaces({ systemNamespace, canaryNamespace }: Installation): readonly string[] {
  return [systemNamespace, canaryNamespace, ...CLUSTER_NAMESPACES];
}

/** Of annotation `k`: whether only the operator writes it. */
export const IS_OURS = `k.startsWith('${GROUP}/') && !(k in ${celList(USER_ANNOTATIONS)})`;

function isSame(annotation: string): string {
  return `variables.annotations[?${celText(annotation)}] == variables.oldAnnotations[?${celText(annotation)}]`;
}
