// What only the operator may write -> one policy. It checks the user, not a permission: every wildcard grants a
// permission made up for this purpose, so that cluster-admins would pass by accident. Two others pass: the controllers
// that delete objects of a deleted Namespace or owner, and an administrator who has annotated the Namespace before
// (break-glass), which the audit log of the API server then shows with the reason.
import { GROUP } from '../../model/kubernetes-object.ts';
import { BREAK_GLASS, BREAK_GLASS_ANNOTATION } from '../../model/stamp.ts';
import { accountUser, type Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celList, celMessage, celText } from './cel.ts';
import { type ValidatingRule, validatingPolicy } from './policy-objects.ts';

export interface Protection extends Omit<ValidatingRule, 'validations' | 'paramKind' | 'auditAnnotations'> {
  /** Whether the request changes what is protected. */
  readonly touches: string;
  /** Who may, besides the operator. */
  readonly orElse?: string;
  /** Argument of celMessage(). */
  readonly message: string;
  /** The Namespace with the break-glass annotation; where it is the protected object itself, its old state. */
  readonly namespace?: 'namespaceObject' | 'oldObject';
}

/** They delete the content of Namespaces, and objects without their owner. */
const CLEANERS = [
  'system:kube-controller-manager',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
];

/** Whether the writer has the break-glass permission; evaluated only where the request would be denied otherwise. */
export const MAY_BREAK_GLASS = `authorizer.group('${GROUP}').resource('${BREAK_GLASS.resource}').check('${BREAK_GLASS.verb}').allowed()`;

export function isOperator({ systemNamespace, operatorAccount }: Installation): string {
  return isUser(accountUser(systemNamespace, operatorAccount));
}

export function isGateway({ systemNamespace, gatewayAccount }: Installation): string {
  return isUser(accountUser(systemNamespace, gatewayAccount));
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
    // Also for denied requests, since no authorizer can be asked here; the audit line shows the result of the request.
    auditAnnotations: { 'break-glass': `variables.touches && !variables.admitted ? variables.glass : ''` },
  });
}

const BY_BREAKING_GLASS = `. To do it all the same, an administrator annotates the Namespace with "${BREAK_GLASS_ANNOTATION}" and a reason first`;

/** The garbage collector deletes objects, finalizers and owner references; it creates nothing. */
const IS_CLEANING = `request.operation != 'CREATE' && request.userInfo.username in ${celList(CLEANERS)}`;

/** As storage migration writes each object. */
const IS_SAME = `request.operation == 'UPDATE' && object == oldObject`;
