// A rule for admission -> the two objects that Kubernetes wants for it: the policy, and the binding that switches it
// on. Every rule fails closed: a request that cannot be evaluated is denied.
import { WORKSPACE_LABEL } from '../../model/workspace.ts';
import type { JsonObject } from '../crd.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | '*';

export const WRITES: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE'];

export interface ResourceRule {
  readonly group: string;
  readonly version: string;
  /** Plural, or "pods/status". */
  readonly resources: readonly string[];
  readonly operations: readonly Operation[];
}

export interface Variable {
  readonly name: string;
  readonly expression: string;
}

export interface Validation {
  readonly expression: string;
  /** An expression too: celMessage(). */
  readonly message: string;
}

interface Rule {
  /** Of both objects, behind "sallyport-". */
  readonly name: string;
  readonly rules: readonly ResourceRule[];
  readonly namespaceSelector?: JsonObject;
  readonly objectSelector?: JsonObject;
  /** The policy skips requests for which it is false. */
  readonly matchCondition?: string;
  readonly variables?: readonly Variable[];
}

export interface ValidatingRule extends Rule {
  readonly validations: readonly Validation[];
  /** Each object of this kind is a parameter; without any the rule does not apply. */
  readonly paramKind?: JsonObject;
  /** By key: text for the API server's audit log, or "". */
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

export interface MutatingRule extends Rule {
  readonly mutations: readonly JsonObject[];
}

export const IN_WORKSPACES: JsonObject = { matchExpressions: [{ key: WORKSPACE_LABEL, operator: 'Exists' }] };

/** A kind with all its subresources: so that a denied write is not possible through one of them. */
export function wholly(...plurals: readonly string[]): readonly string[] {
  return plurals.flatMap((plural) => [plural, `${plural}/*`]);
}

/** Pods, or subresources of pods. */
export function podRule(operation: Operation, resources: readonly string[] = ['pods']): ResourceRule {
  return { group: '', version: 'v1', resources, operations: [operation] };
}

export function validatingPolicy(rule: ValidatingRule): readonly JsonObject[] {
  const spec = {
    ...commonSpec(rule),
    ...(rule.paramKind === undefined ? {} : { paramKind: rule.paramKind }),
    validations: rule.validations.map(({ expression, message }) => ({
      expression,
      messageExpression: message,
      reason: 'Forbidden',
    })),
    ...(rule.auditAnnotations === undefined ? {} : auditAnnotations(rule.auditAnnotations)),
  };
  const params = { selector: {}, parameterNotFoundAction: 'Allow' };
  return policyAndBinding('Validating', rule, spec, {
    validationActions: ['Deny'],
    ...(rule.paramKind === undefined ? {} : { paramRef: params }),
  });
}

export function mutatingPolicy(rule: MutatingRule): readonly JsonObject[] {
  const spec = { ...commonSpec(rule), reinvocationPolicy: 'IfNeeded', mutations: rule.mutations };
  return policyAndBinding('Mutating', rule, spec, {});
}

export function jsonPatch(expression: string): JsonObject {
  return { patchType: 'JSONPatch', jsonPatch: { expression } };
}

export function applyConfiguration(expression: string): JsonObject {
  return { patchType: 'ApplyConfiguration', applyConfiguration: { expression } };
}

function auditAnnotations(annotations: Readonly<Record<string, string>>): JsonObject {
  const entries = Object.entries(annotations);
  return { auditAnnotations: entries.map(([key, valueExpression]) => ({ key, valueExpression })) };
}

function commonSpec({
  rules,
  namespaceSelector,
  objectSelector,
  matchCondition,
  variables,
}: Rule): JsonObject {
  return {
    failurePolicy: 'Fail',
    matchConstraints: {
      ...(namespaceSelector === undefined ? {} : { namespaceSelector }),
      ...(objectSelector === undefined ? {} : { objectSelector }),
      resourceRules: rules.map(({ group, version, resources, operations }) => ({
        apiGroups: [group],
        apiVersions: [version],
        resources,
        operations,
      })),
    },
    ...(matchCondition === undefined
      ? {}
      : { matchConditions: [{ name: 'concerns', expression: matchCondition }] }),
    ...(variables === undefined ? {} : { variables }),
  };
}

function policyAndBinding(
  type: 'Validating' | 'Mutating',
  rule: Rule,
  spec: JsonObject,
  binding: JsonObject,
): readonly JsonObject[] {
  const name = `sallyport-${rule.name}`;
  const object = (kind: string, content: JsonObject): JsonObject => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    spec: content,
  });
  return [
    object(`${type}AdmissionPolicy`, spec),
    object(`${type}AdmissionPolicyBinding`, { policyName: name, ...binding }),
  ];
}
