// EgressTable: compiled destinations, the contract between operator and gateways. One per distinct effective set: a
// policy plus what its workspaces imply. Names are plain strings, grouped by what they share.
import { z } from 'zod';
import {
  atomicList,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  timeSchema,
} from './kubernetes-object.ts';
import { destinationPortSchema } from './network-policy.ts';
import type { Reason } from './reason.ts';

/** The list of the policy, or the implied source, that an entry comes from. */
export const ENTRY_LISTS = [
  'blockedInternetDestinations',
  'allowedInternetDestinations',
  'allowedStorageDestinations',
  'externalLocations',
  'connections',
  'privateEndpoints',
] as const;

const destinationGroupSchema = z.strictObject({
  list: z.enum(ENTRY_LISTS).describe('Where the entries come from.'),
  source: z
    .string()
    .min(1)
    .max(320)
    .describe('Object that the entries stand in, for example "NetworkPolicy/acme".'),
  ports: atomicList(destinationPortSchema, 16).describe('Ports and protocols of every name of the group.'),
  expiresAt: timeSchema.optional().describe('The group expires at this time (UTC).'),
  addressRanges: optionalList(
    z.string().max(49),
    50,
    'Private endpoints: address ranges that the names may resolve to.',
  ),
  names: atomicList(z.string().min(1).max(255), 32_000).describe(
    'Canonical names, "example.com" or "*.example.com".',
  ),
});

export type DestinationGroup = z.infer<typeof destinationGroupSchema>;

const DENY_REASONS = [
  'POLICY_NOT_FOUND',
  'POLICY_UNREADABLE',
  'WORKSPACE_CONFLICTED',
] as const satisfies readonly Reason[];
export type DenyReason = (typeof DENY_REASONS)[number];

export const egressTableSpecSchema = z.strictObject({
  networkPolicyId: z.string().max(63).describe('Policy that the table was compiled from.'),
  revision: z
    .string()
    .min(1)
    .max(64)
    .describe('Hash of the content; the same content has the same revision.'),
  denyReason: z
    .enum(DENY_REASONS)
    .optional()
    .describe('Why the table denies everything, where it does; the groups are empty then.'),
  groups: atomicList(destinationGroupSchema, 4000).describe('The destinations.'),
});

export type EgressTableSpec = z.infer<typeof egressTableSpecSchema>;

export interface EgressTable {
  readonly kind: 'EgressTable';
  readonly metadata: ObjectMeta;
  readonly spec: EgressTableSpec;
}

export const egressTableKind: KindDescription = {
  kind: 'EgressTable',
  plural: 'egresstables',
  shortName: 'set',
  scope: 'Namespaced',
  description:
    'Compiled destinations of one policy and what its workspaces imply. Written by the operator, read by gateways.',
  spec: egressTableSpecSchema,
  columns: [
    { name: 'Policy', type: 'string', jsonPath: '.spec.networkPolicyId' },
    { name: 'Revision', type: 'string', jsonPath: '.spec.revision' },
    {
      name: 'Denies-All',
      type: 'string',
      jsonPath: '.spec.denyReason',
      description: 'Why the table denies everything, where it does.',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
