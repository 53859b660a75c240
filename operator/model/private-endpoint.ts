// PrivateEndpoint: names that resolve into a private network (R17). They are allowed without an entry in the policy,
// reach their own address ranges only, and are denied as soon as they are removed (stricter than R18).
import { z } from 'zod';
import { parseAddressRange } from './address-range.ts';
import { conditionColumn } from './condition.ts';
import { parsePrivatePattern } from './domain-name.ts';
import {
  CEL_RULES,
  conditionsSchema,
  type KindDescription,
  type ObjectMeta,
  optionalList,
} from './kubernetes-object.ts';
import { ANY_NAME_PATTERN, internetDestinationSchema, namePatternSchema } from './network-policy.ts';
import { workspaceNamesSchema } from './workspace.ts';

const ADDRESS_HINT = 'write an address such as "192.0.2.7" or a range such as "192.0.2.0/24"';

export const addressRangeSchema = z
  .string()
  .min(1, { abort: true })
  .max(49, { abort: true })
  .meta({ [CEL_RULES]: [{ rule: 'isIP(self) || isCIDR(self)', message: ADDRESS_HINT }] })
  .superRefine((text, context) => {
    const parsed = parseAddressRange(text);
    if ('message' in parsed) context.addIssue({ code: 'custom', message: parsed.message });
  })
  .describe('Address or CIDR range, for example "10.20.0.0/16".');

const privateEndpointSpecSchema = z.strictObject({
  domains: optionalList(
    namePatternSchema(ANY_NAME_PATTERN, parsePrivatePattern).describe(
      'Any domain name: "jira" and "db.corp" are that name only; "*.corp" is every name under it, not itself.',
    ),
    100,
    'Domain names of this endpoint.',
  ),
  ports: internetDestinationSchema.shape.ports,
  addressRanges: optionalList(
    addressRangeSchema,
    50,
    'Address ranges that these names may resolve to. Empty: none.',
  ),
  workspaces: workspaceNamesSchema,
});

type PrivateEndpointSpec = z.infer<typeof privateEndpointSpecSchema>;

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
    conditionColumn('Accepted'),
    conditionColumn('Accepted', 'message'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
