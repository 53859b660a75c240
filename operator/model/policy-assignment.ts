// PolicyAssignment (`spa`): which policy a workspace is under. Named after the workspace's Namespace (R34: one each).
import { z } from 'zod';
import { conditionColumn } from './condition.ts';
import {
  conditionsSchema,
  DEFAULT_POLICY,
  type KindDescription,
  type ObjectMeta,
  PATTERN_HINT,
} from './kubernetes-object.ts';
import { MAX_POLICY_ID_LENGTH } from './network-policy.ts';

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
