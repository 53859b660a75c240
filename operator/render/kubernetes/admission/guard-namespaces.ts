// What makes a Namespace a workspace, and what pods there are stamped with, is not for everyone who may write the
// Namespace: without this, one label or annotation would open it.
import { GROUP } from '../../../model/kubernetes-object.ts';
import { policyAssignmentKind } from '../../../model/policy-assignment.ts';
import { ADOPT_ANNOTATION } from '../../../model/stamp.ts';
import { TIER_LABEL, WORKSPACE_LABEL } from '../../../model/workspace.ts';
import type { JsonObject } from '../crd.ts';
import { annotationsOf, celList, celMessage, celText, labelsOf, MAY_WRITE_STAMPS, mayUpdate } from './cel.ts';
import { validatingPolicy } from './policy-objects.ts';

const MAY_ASSIGN = mayUpdate(policyAssignmentKind.plural, 'object.metadata.name');
const WHO_MAY_ASSIGN = 'only who may update PolicyAssignment "{object.metadata.name}" may do that';

export function guardNamespaces(): readonly JsonObject[] {
  const resources = ['namespaces', 'namespaces/status', 'namespaces/finalize'];
  return validatingPolicy({
    name: 'namespaces',
    rules: [{ group: '', version: 'v1', resources, operations: ['CREATE', 'UPDATE'] }],
    variables: [
      { name: 'labels', expression: labelsOf('object') },
      { name: 'oldLabels', expression: labelsOf('oldObject') },
      { name: 'annotations', expression: annotationsOf('object') },
      { name: 'oldAnnotations', expression: annotationsOf('oldObject') },
    ],
    validations: [
      {
        expression: `${celList([WORKSPACE_LABEL, TIER_LABEL])}.all(k, variables.labels[?k] == variables.oldLabels[?k]) || ${MAY_ASSIGN}`,
        message: celMessage(
          `Cannot change label "${WORKSPACE_LABEL}" or "${TIER_LABEL}" of Namespace "{object.metadata.name}": ${WHO_MAY_ASSIGN}`,
        ),
      },
      {
        expression: `variables.annotations[?${celText(ADOPT_ANNOTATION)}] == variables.oldAnnotations[?${celText(ADOPT_ANNOTATION)}] || ${MAY_ASSIGN}`,
        message: celMessage(
          `Cannot change annotation "${ADOPT_ANNOTATION}" of Namespace "{object.metadata.name}": ${WHO_MAY_ASSIGN}`,
        ),
      },
      {
        expression: `${keeps('annotations', 'oldAnnotations')} && ${keeps('oldAnnotations', 'annotations')} || ${MAY_WRITE_STAMPS}`,
        message: celMessage(
          `Cannot change annotations of Namespace "{object.metadata.name}" that begin with "${GROUP}/": only Sallyport writes them, so leave them as they are`,
        ),
      },
    ],
  });
}

/** Whether all that one has of ours the other has too: asked both ways, so that removing one shows. */
function keeps(one: string, other: string): string {
  return `variables.${one}.all(k, !k.startsWith('${GROUP}/') || k == ${celText(ADOPT_ANNOTATION)} || variables.${other}[?k] == variables.${one}[?k])`;
}
