// No pod of a workspace leaves the API before its node has ended it. A deletion with grace 0 removes the object at once,
// while its kubelet may go on for as long as an earlier grace, a probe or a hook says: what still runs would be in no
// count, and isolated by nothing once its Namespace's isolation goes. With any other grace the kubelet removes the object,
// at the end. A new pod has no grace 0 of its own either (HAS_GRACE), so that deletions by controllers and evictions,
// which show no pod here, remove none at once. None is given longer to end than LONGEST_GRACE_SECONDS either, by a request.
import { LONGEST_GRACE_SECONDS } from '../../model/limits.ts';
import { networkPolicyKind } from '../../model/network-policy.ts';
import { ENDED_PHASES } from '../../model/pod-status.ts';
import type { JsonObject } from '../crd.ts';
import { celList, celMessage, mayUpdate } from './cel.ts';
import { IN_WORKSPACES, podRule, type Validation, validatingPolicy } from './policy-objects.ts';

/** Kubelets, and controllers of Kubernetes that run under accounts of their own, such as that for lost nodes. */
const CLUSTER_GROUPS = ['system:nodes', 'system:serviceaccounts:kube-system'];
const CLUSTER_USERS = ['system:kube-controller-manager', 'system:kube-scheduler'];

const IS_OF_OTHERS = `!(request.userInfo.?username.orValue('') in ${celList(CLUSTER_USERS)} || request.userInfo.?groups.orValue([]).exists(g, g in ${celList(CLUSTER_GROUPS)}))`;

const MAY = mayUpdate(networkPolicyKind.plural);
const OR_BY_WHOM = 'or let somebody do it who may update networkpolicies.sallyport.dev';

/** As hasEnded() of operator/model/pod-status.ts. */
const IS_RUNNING = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses']
  .map((list) => `oldObject.?status.?${list}.orValue([]).exists(c, c.?state.?running.hasValue())`)
  .join(' || ');

/** A terminated phase makes every grace 0, and the pod's own counts where the request names none. */
const STAYS: readonly Validation[] = [
  {
    expression: `!variables.isOnNode || !variables.hasPhase || !variables.isRunning || ${MAY}`,
    message: celMessage(
      `Cannot delete pod "{oldObject.metadata.name}" in workspace "{request.namespace}" yet: a container of it still runs on node "{oldObject.spec.nodeName}". Wait until it has ended, ${OR_BY_WHOM}`,
    ),
  },
  {
    expression: `!variables.isOnNode || variables.hasPhase || variables.grace != 0 || ${MAY}`,
    message: celMessage(
      `Cannot delete pod "{oldObject.metadata.name}" in workspace "{request.namespace}" with grace period 0: it could run on, uncounted, on node "{oldObject.spec.nodeName}". Use "kubectl delete pod {oldObject.metadata.name} -n {request.namespace} --now"; one that is being deleted keeps the grace period that its node has begun. Wait for its end, ${OR_BY_WHOM}`,
    ),
  },
  // What only waits ends at once. A pod from before may have a longer one of its own, and can be deleted with that.
  endsInTime(
    'variables.grace',
    'delete pod "{oldObject.metadata.name}"',
    '!variables.isOnNode || variables.hasPhase || variables.grace == variables.own',
  ),
];

function endsInTime(grace: string, what: string, unless: string): Validation {
  return {
    expression: `${unless} || ${grace} <= ${LONGEST_GRACE_SECONDS} || ${MAY}`,
    message: celMessage(
      `Cannot ${what} in workspace "{request.namespace}" with grace period {string(${grace})}: a gateway that needs its place could have to wait that long. Use ${LONGEST_GRACE_SECONDS} or less, ${OR_BY_WHOM}`,
    ),
  };
}

export function keepPods(): readonly JsonObject[] {
  return [
    ...validatingPolicy({
      name: 'forced-deletions',
      rules: [podRule('DELETE')],
      namespaceSelector: IN_WORKSPACES,
      matchCondition: IS_OF_OTHERS,
      variables: [
        { name: 'isOnNode', expression: `oldObject.spec.?nodeName.orValue('') != ''` },
        {
          name: 'hasPhase',
          expression: `oldObject.?status.?phase.orValue('') in ${celList(ENDED_PHASES)}`,
        },
        { name: 'isRunning', expression: IS_RUNNING },
        { name: 'own', expression: 'oldObject.spec.?terminationGracePeriodSeconds.orValue(0)' },
        { name: 'grace', expression: 'request.?options.?gracePeriodSeconds.orValue(variables.own)' },
      ],
      validations: STAYS,
    }),
    ...validatingPolicy({
      name: 'forced-evictions',
      rules: [podRule('CREATE', ['pods/eviction'])],
      namespaceSelector: IN_WORKSPACES,
      matchCondition: IS_OF_OTHERS,
      validations: [
        {
          expression: `object.?deleteOptions.?gracePeriodSeconds.orValue(1) != 0 || ${MAY}`,
          message: celMessage(
            `Cannot evict pod "{request.name}" in workspace "{request.namespace}" with grace period 0: it could run on, uncounted. Use a grace period of 1 or more, ${OR_BY_WHOM}`,
          ),
        },
        endsInTime(
          'object.deleteOptions.gracePeriodSeconds',
          'evict pod "{request.name}"',
          '!object.?deleteOptions.?gracePeriodSeconds.hasValue()',
        ),
      ],
    }),
  ];
}

/** As long as a kubelet gives at least, so it changes nothing for the processes. */
export const LEAST_GRACE = 1;

/** Beside the validations of new pods. */
export const HAS_GRACE: Validation = {
  expression: `object.spec.?terminationGracePeriodSeconds.orValue(0) != 0`,
  message: celMessage(
    `Cannot start a pod with terminationGracePeriodSeconds 0 in workspace "{request.namespace}": it could run on, uncounted, when it is deleted. Use ${LEAST_GRACE}, or check that MutatingAdmissionPolicy "sallyport-stamp" and its binding are installed`,
  ),
};
