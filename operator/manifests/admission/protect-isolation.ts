// KubeNetworkPolicies add up, and the built-in roles edit and admin may write them. So in a workspace those are denied
// that allow a pod more than its lane does. What is left to everyone:
// - ingress, and egress that is denied;
// - egress to pods of the same Namespace in lanes that are at least as strict. A peer that might be an open pod is
// denied, since that pod could relay;
// - any egress of pods in lane full, and of pods in dry-run any but to cloud metadata, where the podSelector says so.
import { LANES, type Lane, OPEN_LANES } from '../../model/lane.ts';
import { networkPolicyKind } from '../../model/network-policy.ts';
import { METADATA_ADDRESSES } from '../../model/special-address.ts';
import { LANE_LABEL } from '../../model/stamp.ts';
import type { Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celList, celMessage, celText, mayUpdate } from './cel.ts';
import { IN_WORKSPACES, validatingPolicy, wholly } from './policy-objects.ts';
import { isOperator } from './protection.ts';

const KEY = celText(LANE_LABEL);
const ENFORCED: readonly Lane[] = ['enforced'];

export function protectIsolation(installation: Installation): readonly JsonObject[] {
  return validatingPolicy({
    name: 'isolation',
    rules: [
      {
        group: 'networking.k8s.io',
        version: 'v1',
        resources: wholly('networkpolicies'),
        operations: ['CREATE', 'UPDATE'],
      },
    ],
    namespaceSelector: IN_WORKSPACES,
    variables: [
      // Whatever policyTypes says: some network plugins apply the rules all the same.
      { name: 'egress', expression: 'object.spec.?egress.orValue([])' },
      { name: 'isOpen', expression: selectsOnly('object.spec.?podSelector', OPEN_LANES) },
      { name: 'isFull', expression: selectsOnly('object.spec.?podSelector', ['full']) },
      { name: 'isEnforced', expression: selectsOnly('object.spec.?podSelector', ENFORCED) },
      // An existing broader policy can still be labelled and deleted.
      { name: 'isSame', expression: 'oldObject != null && object.spec == oldObject.spec' },
    ],
    validations: [
      {
        expression: [
          'variables.isSame',
          'variables.isFull',
          `variables.isOpen && variables.egress.all(r, size(r.?to.orValue([])) > 0 && r.to.all(p, ${leavesMetadata('p')}))`,
          `variables.egress.all(r, size(r.?to.orValue([])) > 0 && r.to.all(p, ${staysInside('p')}))`,
          isOperator(installation),
          mayUpdate(networkPolicyKind.plural),
        ].join(' || '),
        message: celMessage(
          `Cannot open egress with networkpolicies.networking.k8s.io "{object.metadata.name}" in workspace "{request.namespace}": allow destinations in its NetworkPolicy of sallyport.dev, name a podSelector with label "${LANE_LABEL}" In ${OPEN_LANES.join(', ')} and leave out cloud metadata, or let somebody write it who may update networkpolicies.sallyport.dev`,
        ),
      },
    ],
  });
}

/** Whether a peer is pods, or addresses that exclude metadata services. */
function leavesMetadata(peer: string): string {
  const isExcepted = `${peer}.ipBlock.?except.orValue([]).exists(x, cidr(x).containsIP(m))`;
  return `(!has(${peer}.ipBlock) || ${celList(METADATA_ADDRESSES)}.all(m, !cidr(${peer}.ipBlock.cidr).containsIP(m) || ${isExcepted}))`;
}

function staysInside(peer: string): string {
  const selector = `${peer}.?podSelector`;
  const closed = selectsNone(selector, OPEN_LANES);
  const strictest = selectsNone(
    selector,
    LANES.filter((lane) => lane !== 'sealed'),
  );
  return `has(${peer}.podSelector) && !has(${peer}.namespaceSelector) && !has(${peer}.ipBlock) && (variables.isEnforced ? ${closed} : ${strictest})`;
}

/** Whether a label selector certainly selects pods of these lanes only. */
function selectsOnly(selector: string, lanes: readonly Lane[]): string {
  const list = celList(lanes);
  return `(${laneIn(selector)} in ${list} || ${expressions(selector)}.exists(e, e.key == ${KEY} && e.operator == 'In' && e.values.all(v, v in ${list})))`;
}

/**
 * Whether a label selector certainly selects no pod of these lanes. Pods without a lane are treated as the strictest.
 */
function selectsNone(selector: string, lanes: readonly Lane[]): string {
  const list = celList(lanes);
  const isOther = `(${laneIn(selector)} != '' && !(${laneIn(selector)} in ${list}))`;
  const byExpression = [
    `e.operator == 'In' && !e.values.exists(v, v in ${list})`,
    `e.operator == 'NotIn' && ${list}.all(v, v in e.values)`,
    `e.operator == 'DoesNotExist'`,
  ].join(' || ');
  return `(${isOther} || ${expressions(selector)}.exists(e, e.key == ${KEY} && (${byExpression})))`;
}

function laneIn(selector: string): string {
  return `${selector}.?matchLabels[?${KEY}].orValue('')`;
}

function expressions(selector: string): string {
  return `${selector}.?matchExpressions.orValue([])`;
}
