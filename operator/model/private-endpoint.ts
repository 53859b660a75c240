// PrivateEndpoint: names that lead to a network of one's own (R17). They are allowed without an entry in the policy,
// reach their own address ranges only, and count no more as soon as they are removed (we lift R18).
import { z } from 'zod';
import { parseAddressRange } from './address-range.ts';
import { conditionsSchema, type KindDescription, type ObjectMeta, optionalList } from './kubernetes-object.ts';
import { internetDestinationSchema } from './network-policy.ts';
import { workspaceNamesSchema } from './workspace.ts';

export const addressRangeSchema = z
  .string()
  .min(1)
  .max(49)
  .superRefine((text, context) => {
    const parsed = parseAddressRange(text);
    if ('message' in parsed) context.addIssue({ code: 'custom', message: parsed.message });
  })
  .describe('Address or CIDR range, for example "10.20.0.0/16".');

export const privateEndpointSpecSchema = z.strictObject({
  domains: optionalList(internetDestinationSchema.shape.destination, 100, 'Domain names that are behind this endpoint.'),
  ports: internetDestinationSchema.shape.ports,
  addressRanges: optionalList(addressRangeSchema, 50, 'Where these names may lead. Empty: nowhere private.'),
  workspaces: workspaceNamesSchema,
});

export type PrivateEndpointSpec = z.infer<typeof privateEndpointSpecSchema>;

export interface PrivateEndpoint {
  readonly kind: 'PrivateEndpoint';
  readonly metadata: ObjectMeta;
  readonly spec: PrivateEndpointSpec;
}

export const privateEndpointKind: KindDescription = {
  kind: 'PrivateEndpoint',
  plural: 'privateendpoints',
  shortName: 'spe',
  scope: 'Cluster',
  description: 'A private network that workspaces reach by name; its domains are allowed implicitly.',
  spec: privateEndpointSpecSchema,
  status: z.strictObject({ conditions: conditionsSchema }),
  columns: [
    { name: 'Domains', type: 'string', jsonPath: '.spec.domains', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
