// What the operator may change of existing pods: their stamps, only in one direction, and beside them when it did so. A
// pod that ran before its Namespace became a workspace is exempt; a pod that has not started yet goes into a stricter
// lane, and one that has into the lane that new pods of its product get, or those that may not use it, where that is
// stricter. One in the network of its node is in lane full in any case, since no other lane would be true. All of that is
// read from the stored object at the write, so there is no gap between check and write.
import { LANES } from '../../model/lane.ts';
import { MOST_ANNOTATION_BYTES, OWN_ANNOTATION_BYTES } from '../../model/limits.ts';
import { HOST_NETWORK } from '../../model/pod-openings.ts';
import {
  DEFAULT_LANE_ANNOTATION,
  EXEMPTED_AT_ANNOTATION,
  EXEMPTED_LANE,
  EXEMPTED_PRODUCT,
  HELD_LANE,
  ISOLATED_BY_ANNOTATION,
  ISOLATED_BY_DEADLINE,
  LANE_LABEL,
  laneAnnotation,
  MOVED_ANNOTATIONS,
  MOVED_AT_ANNOTATION,
  MOVED_FROM_ANNOTATION,
  POD_ANNOTATIONS,
  PRODUCT_LABEL,
  STAMP_ANNOTATION,
  STAMP_LABEL,
  STAMP_LABELS,
} from '../../model/stamp.ts';
import type { Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import {
  annotationBytes,
  annotationsOf,
  celList,
  celMessage,
  celText,
  keepsMetadata,
  keepsOthers,
  labelsOf,
} from './cel.ts';
import { IN_WORKSPACE } from './narrow-operator.ts';
import { openings } from './openings.ts';
import { podRule, type Validation, type Variable, validatingPolicy } from './policy-objects.ts';
import { isOperator } from './protection.ts';

export function narrowOperatorOnPods(installation: Installation): readonly JsonObject[] {
  const matchCondition = isOperator(installation);
  return [
    ...validatingPolicy({
      name: 'operator-pods',
      rules: [podRule('UPDATE')],
      matchCondition,
      variables: VARIABLES,
      validations: [ONLY_STAMPS, ONLY_ITS_WAY],
    }),
    ...validatingPolicy({
      name: 'operator-evictions',
      rules: [podRule('CREATE', ['pods/eviction'])],
      matchCondition,
      validations: [EVICTS_PLAINLY],
    }),
  ];
}

/** An eviction shows no pod: of that its uid is checked by the server. */
const EVICTS_PLAINLY: Validation = {
  expression: `${IN_WORKSPACE} && object.?deleteOptions.?preconditions.?uid.hasValue() && !object.deleteOptions.?gracePeriodSeconds.hasValue()`,
  message: celMessage(
    `Cannot evict pod "{request.name}" in Namespace "{request.namespace}": the operator of Sallyport evicts pods of workspaces only, by their uid, and with their own grace period`,
  ),
};

/** As hasStarted() of operator/model/pod-status.ts. */
const HAS_STARTED = `oldObject.?status.?containerStatuses.orValue([]).exists(c, c.?state.?running.hasValue() || c.?state.?terminated.hasValue() || c.?lastState.?terminated.hasValue())`;

/** As Date.toISOString() writes it. */
const INSTANT = '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$';

/** For what the operator writes beside a lane. Of that many entries the size is not asked, since that would cost too much. */
const MANY_ANNOTATIONS = 1000;
const HAS_NO_ROOM = `size(variables.oldAnnotations) > ${MANY_ANNOTATIONS} || ${annotationBytes('variables.oldAnnotations')} > ${MOST_ANNOTATION_BYTES - OWN_ANNOTATION_BYTES}`;

const VARIABLES: readonly Variable[] = [
  { name: 'labels', expression: labelsOf('object') },
  { name: 'oldLabels', expression: labelsOf('oldObject') },
  { name: 'annotations', expression: annotationsOf('object') },
  { name: 'oldAnnotations', expression: annotationsOf('oldObject') },
  { name: 'lane', expression: `string(variables.labels[?${celText(LANE_LABEL)}].orValue(''))` },
  { name: 'oldLane', expression: `string(variables.oldLabels[?${celText(LANE_LABEL)}].orValue(''))` },
  { name: 'settings', expression: annotationsOf('namespaceObject') },
  {
    name: 'product',
    expression: `string(variables.oldLabels[?${celText(PRODUCT_LABEL)}].orValue(''))`,
  },
  {
    name: 'laneInForce',
    expression: `variables.settings[?(${celText(`${DEFAULT_LANE_ANNOTATION}.`)} + variables.product)].orValue(variables.settings[?${celText(DEFAULT_LANE_ANNOTATION)}].orValue(''))`,
  },
  {
    name: 'laneOfGeneral',
    expression: `variables.settings[?${celText(laneAnnotation('GENERAL'))}].orValue(variables.settings[?${celText(DEFAULT_LANE_ANNOTATION)}].orValue(''))`,
  },
  { name: 'hasStarted', expression: HAS_STARTED },
  { name: 'hasNoRoom', expression: HAS_NO_ROOM },
  { name: 'openings', expression: openings('oldObject') },
];

const ONLY_STAMPS: Validation = {
  expression: [
    IN_WORKSPACE,
    keepsMetadata('finalizers', 'ownerReferences'),
    'object.spec == oldObject.spec',
    keepsOthers('variables.labels', 'variables.oldLabels', `k in ${celList(STAMP_LABELS)}`),
    // Compared first, since tens of thousands of them are too many to look at one by one.
    `(variables.annotations == variables.oldAnnotations || ${keepsOthers('variables.annotations', 'variables.oldAnnotations', `k in ${celList(POD_ANNOTATIONS)}`)})`,
  ].join(' && '),
  message: celMessage(
    `Cannot change pod "{object.metadata.name}": the operator of Sallyport changes nothing but ${[...STAMP_LABELS, ...POD_ANNOTATIONS].map((key) => `"${key}"`).join(', ')}, in workspaces`,
  ),
};

const same = (label: string): string =>
  `variables.labels[?${celText(label)}] == variables.oldLabels[?${celText(label)}]`;

const sameAnnotation = (key: string): string =>
  `variables.annotations[?${celText(key)}] == variables.oldAnnotations[?${celText(key)}]`;
const SAME_MOVE = MOVED_ANNOTATIONS.map(sameAnnotation).join(' && ');
const SAME_EXEMPTION = sameAnnotation(EXEMPTED_AT_ANNOTATION);
const SAME_ISOLATION = sameAnnotation(ISOLATED_BY_ANNOTATION);

const annotated = (key: string): string => `variables.annotations[?${celText(key)}].orValue('')`;
const isInstant = (key: string): string => `${annotated(key)}.matches(${celText(INSTANT)})`;
/**
 * Whether it says when it was moved, and a lane that is at least as open as its former one, as status reads it. Where its
 * author has left no room for that, the label alone isolates it.
 */
const saysMove = (former: string): string =>
  `(variables.hasNoRoom && ${SAME_MOVE} && ${SAME_EXEMPTION} || ${annotated(MOVED_FROM_ANNOTATION)} in ${celList(LANES)} && ${celList(LANES)}.indexOf(${annotated(MOVED_FROM_ANNOTATION)}) <= ${celList(LANES)}.indexOf(${former}) && ${isInstant(MOVED_AT_ANNOTATION)} && ${SAME_EXEMPTION})`;

/** As laneBeforeIsolation() and laneAfterIsolation() of operator/model/found-pod.ts. */
const IS_EXEMPT = `variables.lane == ${celText(EXEMPTED_LANE)} && (variables.hasStarted || ${celText(HOST_NETWORK)} in variables.openings) && ${SAME_MOVE} && (${SAME_EXEMPTION} || ${isInstant(EXEMPTED_AT_ANNOTATION)})`;
const IS_HELD = `variables.lane == ${celText(HELD_LANE)} && !(${celText(HOST_NETWORK)} in variables.openings) && (!variables.hasStarted || size(variables.openings) > 0) && ${saysMove(celText(EXEMPTED_LANE))}`;
const EXEMPTS = `variables.oldLane == '' && (${IS_EXEMPT} || ${IS_HELD}) && variables.labels[?${celText(PRODUCT_LABEL)}].orValue('') == ${celText(EXEMPTED_PRODUCT)} && ${same(STAMP_LABEL)} && ${SAME_ISOLATION}`;

/** LANES begins with the most open one; an unknown lane is isolated like the strictest. */
const NARROWS = `variables.oldLane in ${celList(LANES)} && ${celList(LANES)}.indexOf(variables.lane) > ${celList(LANES)}.indexOf(variables.oldLane) && ${same(PRODUCT_LABEL)} && ${same(STAMP_LABEL)} && ${saysMove('variables.oldLane')}`;
const HOLDS = `!variables.hasStarted && ${SAME_ISOLATION} && ${NARROWS}`;
/** As plannedOf() of operator/compile/stale-pods.ts: a pod with the stamp of now has the lane that it may have. */
const HAS_FORMER_LANE = `(variables.oldLabels[?${celText(STAMP_LABEL)}] != variables.settings[?${celText(STAMP_ANNOTATION)}] || ${celText(MOVED_FROM_ANNOTATION)} in variables.oldAnnotations)`;
const MAY_LACK_GRANT = `${HAS_FORMER_LANE} && ${celList(LANES)}.indexOf(variables.laneInForce) < ${celList(LANES)}.indexOf(variables.laneOfGeneral)`;
const IN_FORCE = `(variables.lane == variables.laneInForce || (variables.lane == variables.laneOfGeneral && ${MAY_LACK_GRANT}))`;
/** As deadlineOf() of operator/compile/stale-deadlines.ts, but for the time; a stolen token closes no lane that is open now. */
const ISOLATES = `variables.hasStarted && ${IN_FORCE} && !(${celText(HOST_NETWORK)} in variables.openings) && (${annotated(ISOLATED_BY_ANNOTATION)} == ${celText(ISOLATED_BY_DEADLINE)} || variables.hasNoRoom && ${SAME_ISOLATION}) && ${NARROWS}`;

const ONLY_ITS_WAY: Validation = {
  expression: `${same(LANE_LABEL)} && ${same(PRODUCT_LABEL)} && ${same(STAMP_LABEL)} && ${SAME_MOVE} && ${SAME_EXEMPTION} && ${SAME_ISOLATION} || ${EXEMPTS} || ${HOLDS} || ${ISOLATES}`,
  message: celMessage(
    `Cannot give pod "{object.metadata.name}" lane "{variables.lane}": the operator of Sallyport exempts only pods without a lane whose containers had started, and gives others only a stricter one, those that have started only that which new pods get, or those that may not use its product, and says from which and when`,
  ),
};
