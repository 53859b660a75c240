// Policies that enforce stamps: no pod of a workspace starts without the whole stamp, whatever became of the policy
// that stamps; nobody moves a running pod to another lane; no pod starts with a stamp outside workspaces. None starts
// that goes past its lane, could evict gateways or keep them waiting, also where it was made before and waits at a gate.
import {
  LANE_LABEL,
  POD_ANNOTATIONS,
  PRODUCT_LABEL,
  RESERVED_VARIABLES,
  STAMP_LABEL,
  STAMP_LABELS,
} from '../../model/stamp.ts';
import type { Installation } from '../../model/system-names.ts';
import { WORKSPACE_LABEL } from '../../model/workspace.ts';
import type { JsonObject } from '../crd.ts';
import { ENDS_IN_TIME } from './bound-grace.ts';
import { annotationsOf, celList, celMessage, celText, HAS_NO_SYSTEM_PRIORITY, labelsOf } from './cel.ts';
import { HAS_GRACE } from './keep-pods.ts';
import { POD_STAMP } from './pod-stamp.ts';
import {
  IN_WORKSPACES,
  podRule,
  type Validation,
  type Variable,
  validatingPolicy,
  wholly,
} from './policy-objects.ts';
import { protection } from './protection.ts';
import { DEBUG_OPENINGS, DEBUG_STAYS_IN_LANE, keepAtGates, OPENINGS, STAYS_IN_LANE } from './stay-in-lane.ts';

const STAMPED: JsonObject = { matchExpressions: [{ key: LANE_LABEL, operator: 'Exists' }] };

export function checkPods(installation: Installation): readonly JsonObject[] {
  return [
    ...validatingPolicy({
      name: 'pods',
      rules: [podRule('CREATE')],
      namespaceSelector: IN_WORKSPACES,
      variables: [...POD_STAMP, ...OPENINGS],
      validations: [
        IS_READY,
        HAS_LABELS,
        HAS_NO_ANNOTATION,
        HAS_ENVIRONMENT,
        HAS_DNS,
        ...[...STAYS_IN_LANE, EVICTS_NO_GATEWAY, HAS_GRACE, ...ENDS_IN_TIME].map(({ expression, message }) =>
          checked(expression, message),
        ),
      ],
    }),
    ...keepAtGates([EVICTS_NO_GATEWAY, ...ENDS_IN_TIME]),
    ...keepStamps(installation),
    ...validatingPolicy({
      name: 'debug',
      rules: [podRule('UPDATE', ['pods/ephemeralcontainers'])],
      namespaceSelector: IN_WORKSPACES,
      variables: [...DEBUG_CONTAINERS, ...DEBUG_OPENINGS],
      validations: [DEBUG_HAS_ENVIRONMENT, ...DEBUG_STAYS_IN_LANE],
    }),
  ];
}

/** Regardless of the workspace label: stamped pods retain their lane while a Namespace ceases to be a workspace. */
function keepStamps(installation: Installation): readonly JsonObject[] {
  return [
    ...protection(installation, {
      name: 'stamps',
      rules: [podRule('UPDATE', wholly('pods'))],
      objectSelector: STAMPED,
      touches: `!${celList(STAMP_LABELS)}.all(k, ${labelsOf('object')}[?k] == ${labelsOf('oldObject')}[?k]) || !${celList(POD_ANNOTATIONS)}.all(k, ${annotationsOf('object')}[?k] == ${annotationsOf('oldObject')}[?k])`,
      message: `Cannot change labels ${STAMP_LABELS.map((label) => `"${label}"`).join(', ')} or annotations ${POD_ANNOTATIONS.map((key) => `"${key}"`).join(', ')} of pod "{object.metadata.name}": they are set when a pod starts, so start it again`,
    }),
    ...validatingPolicy({
      name: 'bindings',
      rules: [podRule('CREATE', ['bindings', 'pods/binding'])],
      validations: [BINDING_HAS_NO_STAMP],
    }),
    ...validatingPolicy({
      name: 'foreign-stamps',
      rules: [podRule('CREATE')],
      namespaceSelector: { matchExpressions: [{ key: WORKSPACE_LABEL, operator: 'DoesNotExist' }] },
      objectSelector: STAMPED,
      validations: [NO_FOREIGN_STAMP],
    }),
  ];
}

const IS_READY: Validation = {
  expression: 'variables.isReady',
  message: celMessage(
    'Cannot start a pod in workspace "{request.namespace}" yet: its egress isolation is still being created. Controllers retry by themselves; create a pod of your own again in some seconds',
  ),
};

// The other validations pass in workspaces that are not ready, so that people see the first message.
function checked(expression: string, message: string): Validation {
  return { expression: `!variables.isReady || ${expression}`, message };
}

const HINT = 'check that MutatingAdmissionPolicy "sallyport-stamp" and its binding are installed';

const HAS_LABELS = checked(
  [
    [PRODUCT_LABEL, 'product'],
    [LANE_LABEL, 'lane'],
    [STAMP_LABEL, 'stamp'],
  ]
    .map(
      ([label, name]) =>
        `variables.labels[?${celText(label ?? '')}].orValue('') == string(variables.${name})`,
    )
    .join(' && '),
  celMessage(`Cannot start a pod in workspace "{request.namespace}" without its stamp: ${HINT}`),
);

const HAS_NO_ANNOTATION = checked(
  `!${annotationsOf('object')}.exists(k, k in ${celList(POD_ANNOTATIONS)})`,
  celMessage(
    `Cannot start a pod in workspace "{request.namespace}" with ${POD_ANNOTATIONS.map((key) => `"${key}"`).join(' or ')}: only Sallyport sets these, so leave them out`,
  ),
);

const HAS_ENVIRONMENT = checked(
  `!variables.isInLane || ${['containers', 'initContainers']
    .map(
      (list) =>
        `object.spec.?${list}.orValue([]).all(c, c.?env.orValue([]).filter(e, e.name in variables.reserved).map(e, [e.name, has(e.valueFrom) ? '(elsewhere)' : e.?value.orValue('')]) == variables.environment)`,
    )
    .join(' && ')}`,
  celMessage(
    `Cannot start a pod in workspace "{request.namespace}" with proxy variables of its own: leave them out, or ${HINT}`,
  ),
);

const HAS_DNS = checked(
  [
    '!variables.isInLane || object.spec.?dnsPolicy.orValue("") == "None"',
    'object.spec.?dnsConfig.?nameservers.orValue([]) == variables.nameServers',
    'object.spec.?dnsConfig.?searches.orValue([]) == variables.searches',
    'object.spec.?dnsConfig.?options.orValue([]).map(o, [o.?name.orValue(""), o.?value.orValue("")]) == variables.options',
  ].join(' && '),
  celMessage(
    `Cannot start a pod in workspace "{request.namespace}" with name servers of its own: leave them out, or ${HINT}`,
  ),
);

const EVICTS_NO_GATEWAY: Validation = {
  expression: HAS_NO_SYSTEM_PRIORITY,
  message: celMessage(
    'Cannot start a pod with priorityClassName "{object.spec.priorityClassName}" in workspace "{request.namespace}": it could evict gateways. Use a class whose name does not begin with "system-"',
  ),
};

const BINDING_HAS_NO_STAMP: Validation = {
  expression: `!${labelsOf('object')}.exists(k, k in ${celList(STAMP_LABELS)}) && !${annotationsOf('object')}.exists(k, k in ${celList(POD_ANNOTATIONS)})`,
  message: celMessage(
    'Cannot set labels of Sallyport by a Binding: leave those that begin with "sallyport.dev/" out',
  ),
};

const NO_FOREIGN_STAMP: Validation = {
  expression: 'false',
  message: celMessage(
    `Cannot start a pod with label "${LANE_LABEL}" in Namespace "{request.namespace}": only Sallyport sets it, so leave it out`,
  ),
};

const DEBUG_HAS_ENVIRONMENT: Validation = {
  expression:
    '!variables.isInLane || variables.added.all(c, c.?env.orValue([]).filter(e, e.name in variables.reserved) == variables.podEnvironment)',
  message: celMessage(
    'Cannot add a debug container with proxy variables of its own to pod "{object.metadata.name}": leave them out, or check that MutatingAdmissionPolicy "sallyport-debug" and its binding are installed',
  ),
};

/**
 * Of those that join a running pod: they get the proxy variables that its first container has, since the settings of
 * its Namespace may have changed since it started.
 */
export const DEBUG_CONTAINERS: readonly Variable[] = [
  { name: 'reserved', expression: celList(RESERVED_VARIABLES) },
  {
    name: 'isInLane',
    expression: `oldObject.metadata.?labels[?${celText(LANE_LABEL)}].orValue('full') != 'full'`,
  },
  {
    name: 'podEnvironment',
    expression: 'object.spec.containers[0].?env.orValue([]).filter(e, e.name in variables.reserved)',
  },
  { name: 'old', expression: 'oldObject.spec.?ephemeralContainers.orValue([]).map(c, c.name)' },
  { name: 'all', expression: 'object.spec.?ephemeralContainers.orValue([])' },
  { name: 'added', expression: 'variables.all.filter(c, !(c.name in variables.old))' },
];
