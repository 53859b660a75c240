// WorkspacePlan: table, lanes and ports of one workspace, for the gateways.
import { z } from 'zod';
import {
  atomicList,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  timeSchema,
} from './kubernetes-object.ts';
import { isDryRun, LANES } from './lane.ts';
import { BLOCK_SIZE, TLS_PORT_OFFSETS } from './lane-port.ts';
import { PRODUCTS } from './product.ts';

const productLaneSchema = z.strictObject({
  product: z.enum(PRODUCTS).describe('Product of the workload.'),
  lane: z.enum(LANES).describe('Lane of new workloads of the product.'),
  since: timeSchema
    .optional()
    .describe(
      'When the lane of the product last changed. Not part of the revision; absent where it is not known.',
    ),
});

const tlsPortSchema = z.strictObject({
  port: z.int().min(1).max(65535).describe('Port of destinations.'),
  offset: z
    .int()
    .min(TLS_PORT_OFFSETS[0] ?? 0)
    .max(BLOCK_SIZE - 1)
    .describe('Offset of its listening port in the block of the lane.'),
});

const lanePortsSchema = z.strictObject({
  lane: z.enum(LANES).describe('Lane.'),
  firstPort: z
    .int()
    .min(1024)
    .max(65528)
    .describe('First port of the block of 8 that the gateways listen on.'),
  serviceAddresses: optionalList(z.string().max(45), 2, 'Addresses of the Service of this lane.'),
  tlsPorts: optionalList(tlsPortSchema, TLS_PORT_OFFSETS.length, 'TLS ports besides 443.'),
});

/** As names of objects are; gateways name files after it. */
const TABLE_NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

export const workspacePlanSpecSchema = z.strictObject({
  workspaceId: z.string().max(63).describe('Id of the workspace; empty where another Namespace has that id.'),
  networkPolicyId: z.string().max(63).describe('Policy that is in force.'),
  revision: z
    .string()
    .min(1)
    .max(64)
    .describe('Hash of the content; the same content has the same revision.'),
  table: z.string().min(1).max(63).regex(TABLE_NAME).describe('EgressTable of the workspace.'),
  products: atomicList(productLaneSchema, PRODUCTS.length).describe('Lane of each product.'),
  lanes: optionalList(lanePortsSchema, LANES.length, 'Ports of each lane.'),
});

type WorkspacePlanSpec = z.infer<typeof workspacePlanSpecSchema>;
export type ProductLane = z.infer<typeof productLaneSchema>;

export interface WorkspacePlan {
  readonly kind: 'WorkspacePlan';
  /** Named after the workspace's Namespace. */
  readonly metadata: ObjectMeta;
  readonly spec: WorkspacePlanSpec;
}

export const workspacePlanKind: KindDescription = {
  kind: 'WorkspacePlan',
  plural: 'workspaceplans',
  shortName: 'swp',
  scope: 'Namespaced',
  description: 'Table, lanes and ports of one workspace. Written by the operator, read by gateways.',
  spec: workspacePlanSpecSchema,
  columns: [
    { name: 'Workspace', type: 'string', jsonPath: '.spec.workspaceId' },
    { name: 'Policy', type: 'string', jsonPath: '.spec.networkPolicyId' },
    { name: 'Table', type: 'string', jsonPath: '.spec.table' },
    { name: 'Revision', type: 'string', jsonPath: '.spec.revision', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};

/** How a plan enforces its policy, in one word. */
export function enforcementOf(plan: WorkspacePlan): 'open' | 'enforced' | 'dry-run' | 'mixed' {
  const lanes = plan.spec.products.map(({ lane }) => lane);
  if (lanes.every((lane) => lane === 'full')) return 'open';
  if (lanes.some(isDryRun)) return lanes.every((lane) => isDryRun(lane)) ? 'dry-run' : 'mixed';
  return 'enforced';
}
