// What only the operator may write -> one policy. It asks who writes, and not what they may: a permission that is made
// up for this purpose is granted by every wildcard, so that whoever administers a cluster would walk through by
// accident. Two others come through: the controllers that remove what has lost its Namespace or owner, and an
// administrator who has said so on the Namespace before (break-glass), which the audit log of the API server then shows
// with the reason.
import { GROUP } from '../../model/kubernetes-object.ts';
import { BREAK_GLASS, BREAK_GLASS_ANNOTATION } from '../../model/stamp.ts';
import { accountUser, type Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celList, celMessage, celText } from './cel.ts';
import { type ValidatingRule, validatingPolicy } from './policy-objects.ts';

export interface Protection extends Omit<ValidatingRule, 'validations' | 'paramKind' | 'auditAnnotations'> {
  /** Whether the request touches what is guarded. */
  readonly touches: string;
  /** Who else may, besides the operator. */
  readonly orElse?: string;
  /** As celMessage() takes it. */
  readonly message: string;
  /** Of the Namespace that says whether the glass is broken; where the guarded object is it, its old state. */
  readonly namespace?: 'namespaceObject' | 'oldObject';
}

/** They empty Namespaces and remove what has lost its owner. */
const CLEANERS = [
  'system:kube-controller-manager',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
];

/** Whether the writer has the right to break glass: asked of nobody who has not been stopped before. */
export const MAY_BREAK_GLASS = `authorizer.group('${GROUP}').resource('${BREAK_GLASS.resource}').check('${BREAK_GLASS.verb}').allowed()`;

export function isOperator({ systemNamespace, operatorAccount }: Installation): string {
  return isUser(accountUser(systemNamespace, operatorAccount));
}

export function isUser(name: string): string {
  return `request.userInfo.username == ${celText(name)}`;
}

export function protection(installation: Installation, protectedObject: Protection): readonly JsonObject[] {
  const { touches, orElse, message, namespace = 'namespaceObject', ...rule } = protectedObject;
  const glass = `(${namespace} == null ? '' : ${namespace}.metadata.?annotations[?${celText(BREAK_GLASS_ANNOTATION)}].orValue(''))`;
  const admitted = [
    isOperator(installation),
    ...(orElse === undefined ? [] : [orElse]),
    IS_CLEANING,
    IS_SAME,
  ];
  return validatingPolicy({
    ...rule,
    variables: [
      ...(rule.variables ?? []),
      { name: 'touches', expression: touches },
      { name: 'admitted', expression: admitted.map((one) => `(${one})`).join(' || ') },
      { name: 'glass', expression: glass },
    ],
    validations: [
      {
        expression: `!variables.touches || variables.admitted || variables.glass != '' && ${MAY_BREAK_GLASS}`,
        message: celMessage(`${message}${BY_BREAKING_GLASS}`),
      },
    ],
    // Also of those who were refused, since no authorizer can be asked here; the line says what became of the request.
    auditAnnotations: { 'break-glass': `variables.touches && !variables.admitted ? variables.glass : ''` },
  });
}

const BY_BREAKING_GLASS = `. An administrator who must do it all the same annotates the Namespace with "${BREAK_GLASS_ANNOTATION}" and a reason first`;

/** The garbage collector takes off finalizers and owners as well as objects; neither makes anything. */
const IS_CLEANING = `request.operation != 'CREATE' && request.userInfo.username in ${celList(CLEANERS)}`;

/** As a migration of what is stored writes each object. */
const IS_SAME = `request.operation == 'UPDATE' && object == oldObject`;
