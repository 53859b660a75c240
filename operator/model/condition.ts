// Conditions: what the operator says about an object, one entry per aspect. Types and reasons are constants that
// programs may rely on; messages are for people and may change.
import type { PrinterColumn, StoredCondition } from './kubernetes-object.ts';

/** In the order in which they are written. */
export const CONDITION_TYPES = [
  'Accepted',
  'ResolvedRefs',
  'Programmed',
  'Isolated',
  'RestartRequired',
  'BroaderPolicies',
  'Ready',
] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];

/** Reasons by type. */
interface Reasons {
  /**
   * The object itself. RulesIgnored, SharedZone, Expired, TooManyTlsPorts, DuplicateLabel, DeniesEverybody,
   * AnnotationIgnored, UnknownAdoption and AwaitingConfirmation are True; every other than they and Accepted is False.
   */
  readonly Accepted:
    | 'Accepted'
    | 'RulesIgnored'
    | 'SharedZone'
    | 'Expired'
    | 'TooManyTlsPorts'
    | 'DuplicateLabel'
    | 'AnnotationIgnored'
    | 'UnknownAdoption'
    | 'DeniesEverybody'
    | 'AwaitingConfirmation'
    | 'WouldLockOut'
    | 'NotConfirmed'
    | 'TooManyAddresses'
    | 'HostTaken'
    | 'BackendNotUsable'
    | 'Invalid'
    | 'Conflicted'
    | 'WorkspaceNotFound'
    | 'UnknownTier';
  /** What the object names. Invalid is Unknown: the object cannot be read. */
  readonly ResolvedRefs:
    | 'ResolvedRefs'
    | 'NetworkPolicyNotFound'
    | 'NetworkPolicyUnreadable'
    | 'ServiceNotFound'
    | 'SecretNotFound'
    | 'SecretInvalid'
    | 'Invalid';
  /** What the gateways run. NotUsed is Unknown: there is nothing to run. */
  readonly Programmed:
    | 'Programmed'
    | 'Pending'
    | 'GatewayRejected'
    | 'GatewayNotReady'
    | 'GatewaySilent'
    | 'NoGateway'
    | 'NotUsed';
  /**
   * Whether the network keeps pods to their lanes, as canary pods measured; present only where that is measured, or
   * with AwaitingNetwork, which is False: isolation is not written yet, since the network has yet to follow the labels
   * of pods that are exempt. Enforced is True, NotEnforced False; NotMeasured and NotIsolated (there is nothing to isolate) are Unknown.
   */
  readonly Isolated: 'Enforced' | 'NotEnforced' | 'AwaitingNetwork' | 'NotMeasured' | 'NotIsolated';
  /**
   * Whether pods are in the lane that the policy gives to their product. MoreOpenPodsRunning is True: pods run in more
   * open ones, or go past theirs through their node. So is StricterPodsRunning: pods run in stricter ones only.
   */
  readonly RestartRequired: 'NothingToRestart' | 'MoreOpenPodsRunning' | 'StricterPodsRunning';
  /** Present only while another policy allows more egress than ours. */
  readonly BroaderPolicies: 'BroaderPolicies';
  /**
   * The summary: the reason of the first condition that keeps the object from being ready. True has the reason of
   * Accepted where that has something to say, NotUsed where nothing uses or enforces the object, and Disabled where an
   * IpAccessList is switched off.
   */
  readonly Ready:
    | 'Ready'
    | 'Disabled'
    | 'NotStamped'
    | 'BroaderPolicies'
    | 'MoreOpenPodsRunning'
    | Reasons['Accepted']
    | Reasons['ResolvedRefs']
    | Reasons['Programmed']
    | Reasons['Isolated'];
}

/** One condition without its place in time. */
export type Verdict<Type extends ConditionType> = Judgement<Reasons[Type]>;

interface Judgement<Reason extends string> {
  readonly status: StoredCondition['status'];
  readonly reason: Reason;
  /** A sentence for people, without a full stop. */
  readonly message: string;
}

/** What is known of an object: a verdict per aspect that applies to its kind. */
export type Verdicts = { readonly [Type in ConditionType]?: Verdict<Type> };

/** A column that shows a condition's status, its reason, or with `-o wide` its message. */
export function conditionColumn(
  type: ConditionType,
  field: 'status' | 'reason' | 'message' = 'status',
): PrinterColumn {
  const jsonPath = `.status.conditions[?(@.type=="${type}")].${field}`;
  if (field === 'status') return { name: type, type: 'string', jsonPath };
  if (field === 'reason') return { name: 'Reason', type: 'string', jsonPath };
  return { name: 'Message', type: 'string', jsonPath, priority: 1 };
}

/** The conditions of a stored status, whatever it is. */
export function storedConditions(status: unknown): readonly StoredCondition[] {
  const conditions: unknown = isRecord(status) ? status['conditions'] : undefined;
  return Array.isArray(conditions) ? conditions.filter(isCondition) : [];
}

function isCondition(value: unknown): value is StoredCondition {
  const texts = ['type', 'status', 'reason', 'message', 'lastTransitionTime'];
  return isRecord(value) && texts.every((field) => typeof value[field] === 'string');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
