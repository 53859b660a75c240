// Metastore: the catalogue of a workspace, and what it implies: external locations in its own region are allowed
// (R21), those in another region are not (R15, R81); connections only until their transition ends (R19, R20).
import { z } from 'zod';
import { conditionColumn } from './condition.ts';
import {
  conditionsSchema,
  expiryStatus,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  PATTERN_HINT,
  timeSchema,
} from './kubernetes-object.ts';
import { internetDestinationSchema } from './network-policy.ts';
import { REGION_HINT, REGION_NAME, storageDestinationSchema } from './storage-destination.ts';
import { workspaceNamesSchema } from './workspace.ts';

const connectionSchema = z.strictObject({
  name: z.string().min(1).max(253).describe('Name of the connection.'),
  destination: internetDestinationSchema.shape.destination,
  ports: internetDestinationSchema.shape.ports,
  sharedZone: internetDestinationSchema.shape.sharedZone,
  transitionEndTime: timeSchema.describe(
    'The connection is allowed without an entry in the policy until this time (UTC).',
  ),
});

const metastoreSpecSchema = z.strictObject({
  region: z
    .string()
    .min(1)
    .max(32)
    .regex(REGION_NAME, REGION_HINT)
    .meta({ [PATTERN_HINT]: REGION_HINT })
    .describe('Region of the metastore, for example "us-west-2".'),
  externalLocations: optionalList(
    storageDestinationSchema,
    2500,
    'External locations of the metastore; allowed where they are in the same region.',
  ),
  connections: optionalList(connectionSchema, 500, 'Outside databases, allowed for a transition period.'),
  workspaces: workspaceNamesSchema,
});

type MetastoreSpec = z.infer<typeof metastoreSpecSchema>;

export interface Metastore {
  readonly kind: 'Metastore';
  readonly metadata: ObjectMeta;
  readonly spec: MetastoreSpec;
}

export const metastoreKind: KindDescription = {
  kind: 'Metastore',
  plural: 'metastores',
  shortName: 'sms',
  scope: 'Cluster',
  description: 'A catalogue. Its workspaces may reach its external locations in the same region.',
  spec: metastoreSpecSchema,
  status: z.strictObject({ conditions: conditionsSchema, ...expiryStatus }),
  columns: [
    { name: 'Region', type: 'string', jsonPath: '.spec.region' },
    conditionColumn('Accepted'),
    conditionColumn('Accepted', 'message'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
