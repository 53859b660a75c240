// IngressPlan: who may access one workspace, or the account, by which hosts, and what serves them; for ingress
// gateways.
import { z } from 'zod';
import { LIST_MODES, LIST_TYPES, MAX_ADDRESSES } from './ip-access-list.ts';
import {
  atomicList,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  timeSchema,
} from './kubernetes-object.ts';

const plannedListSchema = z.strictObject({
  listId: z.string().min(1).max(253).describe('Name of the IpAccessList.'),
  label: z.string().max(253).describe('Its label.'),
  listType: z.enum(LIST_TYPES).describe('ALLOW or BLOCK.'),
  mode: z.enum(LIST_MODES).describe('ENFORCED or DRY_RUN.'),
  enabled: z.boolean().describe('Whether it has an effect.'),
  ipAddresses: atomicList(z.string().max(49), MAX_ADDRESSES).describe('Addresses and ranges, as written.'),
});

export type PlannedList = z.infer<typeof plannedListSchema>;

const plannedBackendSchema = z.strictObject({
  serviceName: z.string().min(1).max(63).optional().describe('Service in the Namespace of the workspace.'),
  address: z.string().max(45).optional().describe('Address, where there is no Service.'),
  port: z.int().min(1).max(65535).describe('Port.'),
});

export type PlannedBackend = z.infer<typeof plannedBackendSchema>;

const accessConfSchema = z.strictObject({
  enableIpAccessLists: z.boolean().describe('Whether the lists applied.'),
  hosts: optionalList(z.string().max(253), 16, 'Its host names.'),
  backends: optionalList(plannedBackendSchema, 16, 'What served them.'),
  tlsSecretName: z.string().max(253).optional().describe('Its Secret.'),
  tlsPassthrough: z.boolean().describe('Whether TLS was passed through.'),
});

/** The part of a WorkspaceConf that is about the way in. */
export type AccessConf = z.infer<typeof accessConfSchema>;

const trialSchema = z.strictObject({
  kind: z.enum(['IpAccessList', 'WorkspaceConf']).describe('Kind of the changed object.'),
  name: z.string().min(1).max(253).describe('Its name.'),
  version: z.string().min(1).max(64).describe('Version that is to be confirmed.'),
  until: timeSchema.describe('When it is taken back.'),
  formerList: plannedListSchema.optional().describe('List that was in force before.'),
  formerConf: accessConfSchema.optional().describe('WorkspaceConf that was in force before.'),
});

/** A change that is taken back unless it is confirmed in time, or that was taken back. */
export type Trial = Readonly<z.infer<typeof trialSchema>>;

export const ingressPlanSpecSchema = z.strictObject({
  level: z.enum(['WORKSPACE', 'ACCOUNT']).describe('What the lists are for.'),
  workspaceId: z
    .string()
    .max(63)
    .describe('Id of the workspace; empty at level ACCOUNT, and where another Namespace has that id.'),
  revision: z
    .string()
    .min(1)
    .max(64)
    .describe('Hash of the content; the same content has the same revision.'),
  enableIpAccessLists: z.boolean().describe('Whether the lists apply. When false, all access is allowed.'),
  unreadableLists: optionalList(
    z.string().max(253),
    MAX_ADDRESSES,
    'Lists that exist and cannot be read: where there is one, all access is denied.',
  ),
  lists: atomicList(plannedListSchema, MAX_ADDRESSES).describe('Accepted lists, the oldest first.'),
  hosts: optionalList(z.string().max(253), 16, 'Canonical host names.'),
  backends: optionalList(plannedBackendSchema, 16, 'What serves them.'),
  tlsSecretName: z
    .string()
    .max(253)
    .optional()
    .describe('Secret with the certificate, in the Namespace of the workspace.'),
  tlsPassthrough: z.boolean().describe('Whether TLS is passed through by its server name.'),
  confVersion: z.string().max(64).optional().describe('Version of the WorkspaceConf that is in force.'),
  trials: optionalList(
    trialSchema,
    MAX_ADDRESSES + 1,
    'Changes that wait for confirmation, or had none in time.',
  ),
});

export type IngressPlanSpec = z.infer<typeof ingressPlanSpecSchema>;

/** All that a decision depends on. */
export type IngressRules = Pick<IngressPlanSpec, 'enableIpAccessLists' | 'unreadableLists' | 'lists'>;

export interface IngressPlan {
  readonly kind: 'IngressPlan';
  /** Named after the Namespace of the workspace, or of the system at level ACCOUNT. */
  readonly metadata: ObjectMeta;
  readonly spec: IngressPlanSpec;
}

export const ingressPlanKind: KindDescription = {
  kind: 'IngressPlan',
  plural: 'ingressplans',
  shortName: 'sip',
  scope: 'Namespaced',
  description:
    'Access lists, hosts and backends of one workspace. Written by the operator, read by ingress gateways.',
  spec: ingressPlanSpecSchema,
  columns: [
    { name: 'Workspace', type: 'string', jsonPath: '.spec.workspaceId' },
    { name: 'Lists-Apply', type: 'boolean', jsonPath: '.spec.enableIpAccessLists' },
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', priority: 1 },
    { name: 'Revision', type: 'string', jsonPath: '.spec.revision', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
