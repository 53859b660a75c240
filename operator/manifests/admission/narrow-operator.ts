// What the operator itself may write, and nothing else. Roles limit kinds and verbs; these policies limit objects and
// fields. So a stolen token of the operator changes no image, no label and no rule that is not Sallyport's own, also
// where somebody granted its ServiceAccount more than it needs.
import { egressTableKind } from '../../model/egress-table.ts';
import { ingressPlanKind } from '../../model/ingress-plan.ts';
import { DEFAULT_POLICY, GROUP, VERSION } from '../../model/kubernetes-object.ts';
import { networkPolicyKind } from '../../model/network-policy.ts';
import { policyAssignmentKind } from '../../model/policy-assignment.ts';
import { STAMP_ANNOTATION } from '../../model/stamp.ts';
import {
  EVENT_CONTROLLER,
  type Installation,
  LEASE_NAME,
  MANAGED_BY_LABEL,
  WORKSPACE_NAME_LABEL,
} from '../../model/system-names.ts';
import { WORKSPACE_LABEL } from '../../model/workspace.ts';
import { workspacePlanKind } from '../../model/workspace-plan.ts';
import type { JsonObject } from '../crd.ts';
import { operatorRules } from '../rbac/operator-grants.ts';
import {
  annotationsOf,
  celList,
  celMessage,
  celText,
  isOwned,
  keepsMetadata,
  keepsOthers,
  labelsOf,
} from './cel.ts';
import { type ResourceRule, type Validation, validatingPolicy, WRITES } from './policy-objects.ts';
import { IS_OURS } from './protect-namespaces.ts';
import { isOperator } from './protection.ts';

const NAME = `{request.resource.resource} "{request.?name.orValue('')}"`;
const LABELS = labelsOf('object');
const OLD_LABELS = labelsOf('oldObject');
const IS_CREATION = `request.operation == 'CREATE'`;
const IS_DELETION = `request.operation == 'DELETE'`;

/** Whether the Namespace of a request is a workspace, or was one and still has its stamp. */
export const IN_WORKSPACE = isWorkspace('namespaceObject');

export function narrowOperator(installation: Installation): readonly JsonObject[] {
  const { systemNamespace } = installation;
  const isHome = `request.?namespace.orValue('') == ${celText(systemNamespace)}`;
  const own = (name: string, rules: readonly ResourceRule[], ...validations: readonly Validation[]) =>
    validatingPolicy({
      name: `operator-${name}`,
      rules,
      matchCondition: isOperator(installation),
      validations,
    });
  return [
    ...own('requests', EVERYTHING, isGranted(installation)),
    ...own('namespaces', [written('', 'namespaces')], ONLY_ANNOTATIONS),
    ...own('owned', OWNED_KINDS, {
      expression: `(${IS_DELETION} || ${isOwned(LABELS)}) && (${IS_CREATION} || ${isOwned(OLD_LABELS)})`,
      message: celMessage(
        `Cannot write ${NAME}: the operator of Sallyport writes only what carries label "${MANAGED_BY_LABEL}=sallyport", before and after; remove or rename what is in its way`,
      ),
    }),
    ...own('isolation', [written('networking.k8s.io', 'networkpolicies')], {
      expression: `!(${IS_CREATION}) || ${isHome} || ${IN_WORKSPACE}`,
      message: celMessage(
        `Cannot write ${NAME} in Namespace "{request.?namespace.orValue('')}": it is no workspace`,
      ),
    }),
    ...own('services', [written('', 'services')], PLAIN_SERVICE),
    ...own(
      'assignments',
      [written(GROUP, policyAssignmentKind.plural)],
      ONLY_ASSIGNMENT_LABELS,
      ONLY_DEFAULTS,
    ),
    ...own(
      'policies',
      [written(GROUP, networkPolicyKind.plural)],
      only(`${IS_CREATION} && object.metadata.name == ${celText(DEFAULT_POLICY)}`),
    ),
    ...own(
      'leases',
      [written('coordination.k8s.io', 'leases')],
      only(`object != null && object.metadata.name == ${celText(LEASE_NAME)}`),
    ),
    ...own(
      'events',
      [written('events.k8s.io', 'events')],
      only(
        ['object', 'oldObject']
          .map(
            (object) =>
              `(${object} == null || ${object}.reportingController == ${celText(EVENT_CONTROLLER)})`,
          )
          .join(' && '),
      ),
    ),
  ];
}

const EVERYTHING: readonly ResourceRule[] = [
  { group: '*', version: '*', resources: ['*/*'], operations: ['*'] },
];

const OWNED_KINDS: readonly ResourceRule[] = [
  written('networking.k8s.io', 'networkpolicies'),
  written('', 'services'),
  written('rbac.authorization.k8s.io', 'roles', 'rolebindings'),
  written(GROUP, egressTableKind.plural, workspacePlanKind.plural, ingressPlanKind.plural),
];

function written(group: string, ...resources: readonly string[]): ResourceRule {
  return { group, version: group === GROUP ? VERSION : 'v1', resources, operations: WRITES };
}

function only(expression: string): Validation {
  return { expression, message: celMessage(`Cannot write ${NAME}: ${NOT_THE_OPERATORS}`) };
}

const NOT_THE_OPERATORS =
  'the operator of Sallyport never does that, so somebody else may be using its token';

/** Reviews that everybody may create about themselves. */
const QUESTIONS = [
  'authentication.k8s.io/selfsubjectreviews CREATE',
  'authorization.k8s.io/selfsubjectaccessreviews CREATE',
  'authorization.k8s.io/selfsubjectrulesreviews CREATE',
];

const OPERATION_OF: Readonly<Record<string, string>> = {
  create: 'CREATE',
  patch: 'UPDATE',
  delete: 'DELETE',
};

/** Its own roles as an expression; roles that somebody else bound to it add nothing. */
function isGranted(installation: Installation): Validation {
  const what = `request.resource.group + '/' + request.resource.resource + (!request.?subResource.hasValue() ? '' : '/' + request.subResource) + ' ' + request.operation`;
  const granted = [...operatorRules(installation)].flatMap(([namespace, rules]) => {
    const writes = rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.flatMap((verb) => {
            const operation = OPERATION_OF[verb];
            return operation === undefined ? [] : [`${group}/${resource} ${operation}`];
          }),
        ),
      ),
    );
    const all = celList([...new Set([...writes, ...(namespace === '' ? QUESTIONS : [])])]);
    if (writes.length === 0) return [];
    return namespace === ''
      ? `(${what}) in ${all}`
      : `request.?namespace.orValue('') == ${celText(namespace)} && (${what}) in ${all}`;
  });
  return {
    expression: granted.map((one) => `(${one})`).join(' || '),
    message: celMessage(
      `Cannot write {request.resource.resource} "{request.?name.orValue('')}": ${NOT_THE_OPERATORS}`,
    ),
  };
}

function isWorkspace(object: string): string {
  const has = (field: string, key: string) => `${object}.metadata.?${field}[?${celText(key)}].hasValue()`;
  return `(${has('labels', WORKSPACE_LABEL)} || ${has('annotations', STAMP_ANNOTATION)})`;
}

const ONLY_ANNOTATIONS: Validation = {
  expression: [
    `request.operation == 'UPDATE'`,
    isWorkspace('oldObject'),
    keepsMetadata('labels', 'finalizers', 'ownerReferences'),
    'object.spec == oldObject.spec',
    keepsOthers(annotationsOf('object'), annotationsOf('oldObject'), IS_OURS),
  ].join(' && '),
  message: celMessage(
    `Cannot write Namespace "{request.?name.orValue('')}": the operator of Sallyport writes only its own annotations, those that begin with "${GROUP}/" and no user sets, of workspaces`,
  ),
};

/** No address but the cluster's own choice, and no pods of others behind it. */
const PLAIN_SERVICE: Validation = {
  expression: `${IS_DELETION} || object.spec.?type.orValue('ClusterIP') == 'ClusterIP' && size(object.spec.?externalIPs.orValue([])) == 0 && size(object.spec.?selector.orValue({})) == 0`,
  message: celMessage(
    `Cannot write Service "{request.?name.orValue('')}": the operator of Sallyport writes only those of type ClusterIP, without selector and externalIPs`,
  ),
};

const ONLY_ASSIGNMENT_LABELS: Validation = {
  expression: `request.operation != 'UPDATE' || object.spec == oldObject.spec && ${keepsMetadata('annotations', 'finalizers', 'ownerReferences')} && ${keepsOthers(LABELS, OLD_LABELS, `k in ${celList([MANAGED_BY_LABEL, WORKSPACE_NAME_LABEL])}`)}`,
  message: celMessage(
    `Cannot write PolicyAssignment "{request.?name.orValue('')}": the operator of Sallyport changes nothing but its own labels there`,
  ),
};

const ONLY_DEFAULTS: Validation = {
  expression: `request.operation == 'UPDATE' || (${IS_CREATION} ? object : oldObject).?spec.?networkPolicyId.orValue(${celText(DEFAULT_POLICY)}) == ${celText(DEFAULT_POLICY)} && ${isOwned(`(${IS_CREATION} ? ${LABELS} : ${OLD_LABELS})`)}`,
  message: celMessage(
    `Cannot write PolicyAssignment "{request.?name.orValue('')}": the operator of Sallyport makes and removes only those that say nothing but what is the default`,
  ),
};
