// What the operator may grant: ingress gateways read one Secret in a workspace, by one Role and its binding. It may
// escalate under their name, so that it needs no right to read Secrets itself; these policies are what limits it.
import { INGRESS_TLS_ROLE, INGRESS_TLS_VERBS, type Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celList, celMessage, celText } from './cel.ts';
import { IN_WORKSPACE } from './narrow-operator.ts';
import { type ResourceRule, type Validation, validatingPolicy, WRITES } from './policy-objects.ts';
import { isOperator } from './protection.ts';

const IS_NAMED = `object.metadata.name == ${celText(INGRESS_TLS_ROLE)}`;
const IS_DELETION = `request.operation == 'DELETE'`;

export function narrowOperatorOnRoles(installation: Installation): readonly JsonObject[] {
  const own = (plural: string, validation: Validation) =>
    validatingPolicy({
      name: `operator-${plural}`,
      rules: [written(plural)],
      matchCondition: isOperator(installation),
      validations: [validation, onlyInWorkspaces(installation)],
    });
  return [...own('roles', ONE_SECRET), ...own('rolebindings', toIngressGateways(installation))];
}

function written(plural: string): ResourceRule {
  return { group: 'rbac.authorization.k8s.io', version: 'v1', resources: [plural], operations: WRITES };
}

function isRule(rule: string): string {
  const list = (field: string) => `${rule}.?${field}.orValue([])`;
  return [
    `${list('apiGroups')} == ['']`,
    `${list('resources')} == ['secrets']`,
    `${rule}.verbs == ${celList(INGRESS_TLS_VERBS)}`,
    `size(${list('resourceNames')}) == 1`,
  ].join(' && ');
}

const ONE_SECRET: Validation = {
  expression: `${IS_DELETION} || ${IS_NAMED} && size(object.?rules.orValue([])) == 1 && object.rules.all(r, ${isRule('r')})`,
  message: celMessage(
    `Cannot write Role "{request.?name.orValue('')}": the operator of Sallyport grants nothing but reading one Secret, by Role "${INGRESS_TLS_ROLE}"`,
  ),
};

function toIngressGateways({ systemNamespace, ingressAccount }: Installation): Validation {
  const isRole = `object.roleRef.kind == 'Role' && object.roleRef.name == ${celText(INGRESS_TLS_ROLE)}`;
  const isAccount = `s.kind == 'ServiceAccount' && s.name == ${celText(ingressAccount)} && s.?namespace.orValue('') == ${celText(systemNamespace)}`;
  return {
    expression: `${IS_DELETION} || ${IS_NAMED} && ${isRole} && size(object.?subjects.orValue([])) == 1 && object.subjects.all(s, ${isAccount})`,
    message: celMessage(
      `Cannot write RoleBinding "{request.?name.orValue('')}": the operator of Sallyport binds nothing but Role "${INGRESS_TLS_ROLE}", and that to ingress gateways`,
    ),
  };
}

/** The account's Secret is in the Namespace of the system. */
function onlyInWorkspaces({ systemNamespace }: Installation): Validation {
  const home = `request.?namespace.orValue('')`;
  return {
    expression: `request.operation != 'CREATE' || ${home} == ${celText(systemNamespace)} || ${IN_WORKSPACE}`,
    message: celMessage(
      `Cannot write {request.resource.resource} "{request.?name.orValue('')}" in Namespace "{${home}}": it is no workspace`,
    ),
  };
}
