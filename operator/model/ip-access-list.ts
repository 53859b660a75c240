// IpAccessList (`ipal`): networks from which people may or may not access a workspace (R86-R94).
import { z } from 'zod';
import { conditionColumn } from './condition.ts';
import {
  atomicList,
  conditionsSchema,
  type KindDescription,
  type ObjectMeta,
  timeSchema,
} from './kubernetes-object.ts';
import { addressRangeSchema } from './private-endpoint.ts';

/** R94: over all lists of a workspace; a CIDR counts as one. */
export const MAX_ADDRESSES = 1000;

/** Of these; a list without addresses has its price, too. */
export function countedAddresses(list: readonly unknown[]): number {
  return Math.max(1, list.length);
}

/** Of an IpAccessList in the system's Namespace that is for the account, not for a workspace. */
export const ACCOUNT_LABEL = 'sallyport.dev/account';

export const LIST_TYPES = ['ALLOW', 'BLOCK'] as const;
export const LIST_MODES = ['ENFORCED', 'DRY_RUN'] as const;

const ipAccessListSpecSchema = z.strictObject({
  label: z.string().min(1).max(253).describe('Name of the list for people.'),
  listType: z
    .enum(LIST_TYPES)
    .describe('ALLOW allows these addresses; BLOCK denies them and takes precedence.'),
  ipAddresses: atomicList(addressRangeSchema, MAX_ADDRESSES).describe(
    'Addresses and CIDR ranges, stored as written.',
  ),
  mode: z
    .enum(LIST_MODES)
    .default('ENFORCED')
    .describe('DRY_RUN denies nobody and logs whom the list would deny.'),
  enabled: z.boolean().default(true).describe('A list that is not enabled has no effect.'),
});

type IpAccessListSpec = z.infer<typeof ipAccessListSpecSchema>;

export interface IpAccessList {
  readonly kind: 'IpAccessList';
  readonly metadata: ObjectMeta;
  readonly spec: IpAccessListSpec;
}

export const ipAccessListKind: KindDescription = {
  kind: 'IpAccessList',
  plural: 'ipaccesslists',
  shortName: 'ipal',
  scope: 'Namespaced',
  description: 'Addresses from which people may, or may not, access the workspace of this Namespace.',
  spec: ipAccessListSpecSchema,
  status: z.strictObject({
    conditions: conditionsSchema,
    addressCount: z.int().min(0).optional().describe('Entries of the list.'),
    hits: z
      .strictObject({
        total: z
          .int()
          .min(0)
          .describe('Requests that the list decided, as far as the gateways and API pods that run know.'),
        lastHitTime: timeSchema.optional().describe('When it last decided one.'),
        entriesNeverHit: z.int().min(0).describe('Entries that decided none.'),
      })
      .optional()
      .describe('What the list decided. Refreshed every few minutes.'),
  }),
  columns: [
    { name: 'Label', type: 'string', jsonPath: '.spec.label' },
    { name: 'Type', type: 'string', jsonPath: '.spec.listType' },
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
    { name: 'Enabled', type: 'boolean', jsonPath: '.spec.enabled' },
    { name: 'Addresses', type: 'integer', jsonPath: '.status.addressCount' },
    { name: 'Hits', type: 'integer', jsonPath: '.status.hits.total' },
    {
      name: 'Never-Hit',
      type: 'integer',
      jsonPath: '.status.hits.entriesNeverHit',
      description: 'Entries that decided no request.',
      priority: 1,
    },
    conditionColumn('Programmed'),
    conditionColumn('Ready'),
    conditionColumn('Ready', 'reason'),
    conditionColumn('Ready', 'message'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
