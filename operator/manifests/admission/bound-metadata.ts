// No pod of a workspace may be filled until the API server stores no change of it: the operator could not label it then,
// and so not isolate it. Limits are for what grows only, so that a pod from before can be changed, and made smaller.
import { MOST_ANNOTATION_BYTES, OWN_ANNOTATION_BYTES } from '../../model/limits.ts';
import type { Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { annotationBytes, annotationsOf, celMessage } from './cel.ts';
import { IN_WORKSPACES, podRule, type Validation, validatingPolicy, wholly } from './policy-objects.ts';
import { isOperator } from './protection.ts';

const MOST_BYTES = MOST_ANNOTATION_BYTES - OWN_ANNOTATION_BYTES;
/** So that the evaluation of their sizes costs less than an expression may. */
const MOST_ANNOTATIONS = 1000;
/** As long as a name in Kubernetes. */
const LONGEST_NAME = 253;

/** Of each of these lists and maps. */
const MOST_ENTRIES: Readonly<Record<string, number>> = {
  'metadata.annotations': MOST_ANNOTATIONS,
  'metadata.labels': 256,
  'metadata.finalizers': 32,
  'metadata.ownerReferences': 32,
  'metadata.managedFields': 256,
  'spec.tolerations': 256,
};

export function boundMetadata(installation: Installation): readonly JsonObject[] {
  return validatingPolicy({
    name: 'pod-metadata',
    rules: [podRule('CREATE'), podRule('UPDATE', wholly('pods'))],
    namespaceSelector: IN_WORKSPACES,
    matchCondition: `!(${isOperator(installation)})`,
    variables: [
      { name: 'annotations', expression: annotationsOf('object') },
      { name: 'oldAnnotations', expression: annotationsOf('oldObject') },
      { name: 'owners', expression: 'object.metadata.?ownerReferences.orValue([])' },
      {
        name: 'oldOwners',
        expression: '(oldObject == null ? [] : oldObject.metadata.?ownerReferences.orValue([]))',
      },
    ],
    validations: [
      ...Object.entries(MOST_ENTRIES).map(([field, most]) => fewEntries(field, most)),
      SMALL_ANNOTATIONS,
      SHORT_OWNERS,
    ],
  });
}

const TO_POD = 'of a pod in workspace "{request.namespace}"';
const WHY = 'its egress isolation could no longer be written to it';

function fewEntries(field: string, most: number): Validation {
  const [part = '', name = ''] = field.split('.');
  const sizeIn = (object: string): string => `(has(${object}.${field}) ? size(${object}.${field}) : 0)`;
  const grew = `oldObject == null || ${sizeIn('object')} > ${sizeIn('oldObject')}`;
  return {
    expression: `${sizeIn('object')} <= ${most} || !(${grew})`,
    message: celMessage(
      `Cannot set {string(${sizeIn('object')})} entries in ${part}.${name} ${TO_POD}: ${WHY}. Use ${most} or fewer`,
    ),
  };
}

const SMALL_ANNOTATIONS: Validation = {
  expression: `variables.annotations == variables.oldAnnotations || ${annotationBytes('variables.annotations')} <= ${MOST_BYTES} || ${annotationBytes('variables.annotations')} <= ${annotationBytes('variables.oldAnnotations')}`,
  message: celMessage(
    `Cannot set metadata.annotations ${TO_POD} to more than ${MOST_BYTES} bytes of keys and values: ${WHY}. Use ${MOST_BYTES} or fewer`,
  ),
};

const IS_SHORT = ['apiVersion', 'kind', 'name', 'uid']
  .map((field) => `size(o.${field}) <= ${LONGEST_NAME}`)
  .join(' && ');

const SHORT_OWNERS: Validation = {
  expression: `variables.owners == variables.oldOwners || variables.owners.all(o, ${IS_SHORT} || o in variables.oldOwners)`,
  message: celMessage(
    `Cannot set metadata.ownerReferences ${TO_POD} with an apiVersion, kind, name or uid of more than ${LONGEST_NAME} characters: ${WHY}. Use ${LONGEST_NAME} or fewer`,
  ),
};
