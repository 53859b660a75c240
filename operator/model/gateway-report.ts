// GatewayReport: the revisions that one gateway pod runs, written by that pod alone. Gateways of both directions report;
// `direction` keeps them apart, and pods of "sallyport api", which are no gateways: those only say which denials wait.
import { z } from 'zod';
import { type KindDescription, type ObjectMeta, optionalList, timeSchema } from './kubernetes-object.ts';
import { listHitsSchema } from './list-hits-report.ts';

const tableReportSchema = z.strictObject({
  table: z.string().min(1).max(63).describe('Name of the EgressTable.'),
  revision: z.string().min(1).max(64).describe('Revision that Envoy runs.'),
  rejection: z.string().max(1024).optional().describe("Envoy's error, where it rejected a newer revision."),
});

const planReportSchema = z.strictObject({
  workspace: z.string().min(1).max(63).describe('Name of the WorkspacePlan.'),
  revision: z.string().min(1).max(64).describe('Revision whose egress listeners Envoy runs.'),
  rejection: z
    .string()
    .max(1024)
    .optional()
    .describe("Envoy's error, where it rejected an egress listener of a newer revision."),
});

export const INGRESS_FAULTS = ['ServiceNotFound', 'SecretNotFound', 'SecretInvalid'] as const;

const ingressPlanReportSchema = z.strictObject({
  workspace: z.string().min(1).max(63).describe('Name of the IngressPlan.'),
  revision: z.string().min(1).max(64).describe('Revision that Envoy runs.'),
  rejection: z.string().max(1024).optional().describe("Envoy's error, where it rejected a newer revision."),
  faults: optionalList(
    z.strictObject({
      reason: z.enum(INGRESS_FAULTS).describe('What is missing or not usable.'),
      message: z.string().max(1024).describe('Names it, with the fix.'),
    }),
    8,
    'What the plan names and this gateway cannot use.',
  ),
});

/** In one report. */
export const MAX_GATEWAY_HITS = 2000;

const MAX_DENIALS = 2 ** 53 - 1;
const denialCount = z.int().min(0).max(MAX_DENIALS);

/** Only while some are not sent: then the report stays when its pod is gone, until the collector has counted them. */
const unsentSchema = z.strictObject({
  podUid: z.string().min(1).max(64).describe('Uid of the pod.'),
  recorded: denialCount.describe('Denials that the gateway ever recorded, sent or not.'),
  unsent: denialCount.describe('Of these, those that the collector has not acknowledged.'),
});

export const gatewayReportSpecSchema = z.strictObject({
  envoyVersion: z.string().max(64).optional().describe('Version of Envoy.'),
  direction: z
    .enum(['EGRESS', 'INGRESS', 'API'])
    .optional()
    .describe(
      'INGRESS of an ingress gateway; EGRESS, or left out, of a gateway; API of a pod of the REST API.',
    ),
  ready: z.boolean().describe('Whether this pod takes connections.'),
  renewTime: timeSchema.describe(
    'When the gateway last reported. A ready gateway that stops reporting counts as frozen.',
  ),
  tables: optionalList(tableReportSchema, 1000, 'Running revision of each table.'),
  plans: optionalList(planReportSchema, 5000, 'Running revision of each WorkspacePlan.'),
  ingressPlans: optionalList(ingressPlanReportSchema, 5000, 'Running revision of each IngressPlan.'),
  denials: unsentSchema
    .optional()
    .describe('While denials wait for the collector. Where the pod is gone it counts those as lost.'),
  listHits: optionalList(listHitsSchema, MAX_GATEWAY_HITS, 'How often access lists decided; those hit last.'),
});

export type GatewayReportSpec = z.infer<typeof gatewayReportSpecSchema>;

export type ReportDirection = NonNullable<GatewayReportSpec['direction']>;

export interface GatewayReport {
  readonly kind: 'GatewayReport';
  readonly metadata: ObjectMeta;
  readonly spec: GatewayReportSpec;
}

export function directionOf({ spec }: Pick<GatewayReport, 'spec'>): ReportDirection {
  return spec.direction ?? 'EGRESS';
}

export const gatewayReportKind: KindDescription = {
  kind: 'GatewayReport',
  plural: 'gatewayreports',
  shortName: 'sgr',
  scope: 'Namespaced',
  description:
    'The revisions that one gateway runs, and denials that wait for the collector. Written by that pod, read by the operator.',
  spec: gatewayReportSpecSchema,
  columns: [
    { name: 'Direction', type: 'string', jsonPath: '.spec.direction', priority: 1 },
    { name: 'Ready', type: 'boolean', jsonPath: '.spec.ready' },
    { name: 'Seen', type: 'date', jsonPath: '.spec.renewTime', description: 'When it last reported.' },
    { name: 'Envoy', type: 'string', jsonPath: '.spec.envoyVersion' },
    {
      name: 'Rejected',
      type: 'string',
      jsonPath: '.spec.tables[?(@.rejection)].table',
      description: 'Table of which Envoy rejected a newer revision; the first of several.',
    },
    {
      name: 'Rejection',
      type: 'string',
      jsonPath: '.spec.tables[?(@.rejection)].rejection',
      description: "Envoy's error.",
      priority: 1,
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
