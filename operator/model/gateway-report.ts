// GatewayReport: what one gateway pod really runs, written by that pod alone.
import { z } from 'zod';
import { type KindDescription, type ObjectMeta, optionalList } from './kubernetes-object.ts';

const tableReportSchema = z.strictObject({
  table: z.string().min(1).max(63).describe('Name of the EgressTable.'),
  revision: z.string().min(1).max(64).describe('Revision that Envoy runs.'),
  rejection: z
    .string()
    .max(1024)
    .optional()
    .describe("Envoy's own words where it rejected a newer revision."),
});

export const gatewayReportSpecSchema = z.strictObject({
  envoyVersion: z.string().max(64).optional().describe('Version of Envoy.'),
  ready: z.boolean().describe('Whether this gateway takes connections.'),
  tables: optionalList(tableReportSchema, 1000, 'What runs, per table.'),
});

export type GatewayReportSpec = z.infer<typeof gatewayReportSpecSchema>;

export interface GatewayReport {
  readonly kind: 'GatewayReport';
  readonly metadata: ObjectMeta;
  readonly spec: GatewayReportSpec;
}

export const gatewayReportKind: KindDescription = {
  kind: 'GatewayReport',
  plural: 'gatewayreports',
  shortName: 'sgr',
  scope: 'Namespaced',
  description: 'What one gateway runs. Written by that gateway, read by the operator.',
  spec: gatewayReportSpecSchema,
  columns: [
    { name: 'Ready', type: 'boolean', jsonPath: '.spec.ready' },
    { name: 'Envoy', type: 'string', jsonPath: '.spec.envoyVersion' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
