// PolicyAssignment (`spa`): which policy a workspace is under. Named after the workspace's Namespace (R34: one each).
import { z } from 'zod';
import { conditionColumn } from './condition.ts';
import {
  conditionsSchema,
  DEFAULT_POLICY,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  PATTERN_HINT,
  timeSchema,
} from './kubernetes-object.ts';
import { LANES } from './lane.ts';
import { MAX_POLICY_ID_LENGTH } from './network-policy.ts';
import { DEADLINE_ACTIONS } from './stale-workloads.ts';

/** As in Databricks' API. */
const POLICY_ID = /^[a-zA-Z0-9_.-]{1,32}$/;
const POLICY_ID_HINT = 'use at most 32 letters, digits, dots, underscores and hyphens, for example "acme"';

const policyAssignmentSpecSchema = z.strictObject({
  networkPolicyId: z
    .string()
    .min(1)
    .max(MAX_POLICY_ID_LENGTH)
    .regex(POLICY_ID, POLICY_ID_HINT)
    .meta({ [PATTERN_HINT]: POLICY_ID_HINT })
    .default(DEFAULT_POLICY)
    .describe('Name of the NetworkPolicy of this workspace.'),
});

type PolicyAssignmentSpec = z.infer<typeof policyAssignmentSpecSchema>;

export interface PolicyAssignment {
  readonly kind: 'PolicyAssignment';
  readonly metadata: ObjectMeta;
  readonly spec: PolicyAssignmentSpec;
}

export const MOST_STALE_WORKLOADS = 20;

const statedWorkloadSchema = z.strictObject({
  kind: z.string().max(63).describe('Kind of the workload; Pod where nothing owns its pods.'),
  name: z.string().max(253).describe('Name of the workload.'),
  product: z.string().max(63).describe('Product of its pods.'),
  lane: z.string().max(63).describe('Lane that its pods run in; of several the one that differs most.'),
  policyLane: z
    .enum(LANES)
    .describe(
      'Lane that new pods of the product get; that of GENERAL where nobody has asked whether these may use it.',
    ),
  pods: z.int().min(0).describe('Pods that are not in that lane.'),
  since: timeSchema
    .optional()
    .describe(
      'Since when they differ: when the first of them was created, or the lane of the product changed.',
    ),
  isolated: z
    .int()
    .min(1)
    .optional()
    .describe('Of these pods those that were isolated at a deadline: they reach nothing outside.'),
  deadline: timeSchema
    .optional()
    .describe('When the policy acts on the first of them, as its spec.staleWorkloads says.'),
  deadlineAction: z.enum(DEADLINE_ACTIONS).optional().describe('What it does then.'),
  command: z
    .string()
    .max(1024)
    .optional()
    .describe(
      'What restarts it, one command a line. Without one: its pods go past their lane, as the condition RestartRequired says.',
    ),
});

/** What was said of a deadline by an Event, the last one at last. */
export const COUNTDOWN_STAGES = ['Announced', 'HalfLeft', 'TenthLeft'] as const;
export type CountdownStage = (typeof COUNTDOWN_STAGES)[number];

export const MOST_DEADLINES = 5;

const statedDeadlineSchema = z.strictObject({
  time: timeSchema.describe('When it is done.'),
  action: z.enum(DEADLINE_ACTIONS).describe('What is done.'),
  pods: z.int().min(0).describe('Pods that it concerns.'),
  stage: z
    .enum(COUNTDOWN_STAGES)
    .describe('How much of the period is left, of which an Event has told: all, half or a tenth.'),
});

export type StatedDeadline = Readonly<z.infer<typeof statedDeadlineSchema>>;

export type StatedWorkload = Readonly<z.infer<typeof statedWorkloadSchema>>;

const policyAssignmentStatusSchema = z.strictObject({
  conditions: conditionsSchema,
  workspaceId: z.string().max(63).optional().describe('Id of the workspace.'),
  networkPolicyId: z.string().max(MAX_POLICY_ID_LENGTH).optional().describe('Policy that is in force.'),
  enforcement: z
    .string()
    .max(64)
    .optional()
    .describe('How the policy is enforced: open, enforced, dry-run or mixed.'),
  restartRequired: z
    .int()
    .min(0)
    .optional()
    .describe('Workloads that must restart before the policy applies to them.'),
  staleWorkloads: optionalList(
    statedWorkloadSchema,
    MOST_STALE_WORKLOADS,
    'The first of these workloads: those in lanes more open than the policy says before those in stricter ones, and the wider difference first.',
  ),
  deadlines: optionalList(
    statedDeadlineSchema,
    MOST_DEADLINES,
    'The next times at which the policy acts on pods that have not restarted.',
  ),
});

export const policyAssignmentKind: KindDescription = {
  kind: 'PolicyAssignment',
  plural: 'policyassignments',
  shortName: 'spa',
  scope: 'Cluster',
  description: 'The policy of one workspace; its name is the name of the Namespace that is the workspace.',
  spec: policyAssignmentSpecSchema,
  status: policyAssignmentStatusSchema,
  columns: [
    { name: 'Workspace', type: 'string', jsonPath: '.status.workspaceId' },
    { name: 'Policy', type: 'string', jsonPath: '.spec.networkPolicyId' },
    { name: 'Enforcement', type: 'string', jsonPath: '.status.enforcement' },
    { name: 'Restart-Required', type: 'integer', jsonPath: '.status.restartRequired' },
    conditionColumn('BroaderPolicies'),
    conditionColumn('Programmed'),
    conditionColumn('Isolated'),
    conditionColumn('Ready'),
    conditionColumn('Ready', 'reason'),
    conditionColumn('Ready', 'message'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
