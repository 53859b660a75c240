// NetworkPolicy (`snp`): what a workspace may reach. Words and values are the product's own (R5-R34), so that REST and
// YAML translate one to one.
import { z } from 'zod';
import { conditionColumn } from './condition.ts';
import { type ParsedPattern, parseAllowedPattern, parseNamePattern } from './domain-name.ts';
import {
  conditionsSchema,
  DEFAULT_POLICY,
  expiryStatus,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  PATTERN_HINT,
  timeSchema,
} from './kubernetes-object.ts';
import { labelSelectorSchema } from './label-selector.ts';
import { DRY_RUN_PRODUCTS } from './product.ts';
import { SHARED_ZONE_ANSWERS } from './shared-zone.ts';
import { staleWorkloadsSchema } from './stale-workloads.ts';
import { storageDestinationSchema } from './storage-destination.ts';

/** Length of a policy's name, which is its id in assignments and in the REST API. */
export const MAX_POLICY_ID_LENGTH = 32;

/** R16: allowed internet and allowed storage destinations together, as written; implied ones do not count. */
const MAX_DESTINATIONS = 2500;
const MAX_BLOCKED_DESTINATIONS = 500;
/** "*." and a name of 253 characters. */
const MAX_DESTINATION_LENGTH = 255;

export const PORT_PROTOCOLS = ['TLS', 'HTTP', 'TCP'] as const;
export type PortProtocol = (typeof PORT_PROTOCOLS)[number];

export const destinationPortSchema = z.strictObject({
  port: z.int().min(1).max(65535).describe('Port of the destination.'),
  protocol: z
    .enum(PORT_PROTOCOLS)
    .default('TLS')
    .describe('TLS: the server name inside must match. HTTP: plain HTTP. TCP: any bytes, not inspected.'),
});

/**
 * What the API server can validate of a domain name: labels of letters (of any script), digits and hyphens, the last
 * beginning with a letter, so that no address passes. The parser finds the rest, such as public suffixes.
 */
const LABEL_REST = '([\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?';
const LABEL = `[\\p{L}\\p{N}]${LABEL_REST}`;
const LAST_LABEL = `\\p{L}${LABEL_REST}\\.?`;
/** At least two labels. */
export const DOMAIN_PATTERN = `^(\\*\\.)?(${LABEL}\\.)+${LAST_LABEL}$`;
export const ANY_NAME_PATTERN = `^(\\*\\.)?(${LABEL}\\.)*${LAST_LABEL}$`;

const NAME_HINT =
  'write a domain name such as "example.com" or "*.example.com", without scheme, port, path or address';

/** A name with or without "*." in front; `parse` says which names are meant. */
export function namePatternSchema(pattern: string, parse: (text: string) => ParsedPattern, hint = NAME_HINT) {
  return z
    .string()
    .min(1, { abort: true })
    .max(MAX_DESTINATION_LENGTH, { abort: true })
    .meta({ pattern, [PATTERN_HINT]: hint })
    .superRefine((text, context) => {
      const parsed = parse(text);
      if ('fault' in parsed) context.addIssue({ code: 'custom', message: parsed.message });
    });
}

export const internetDestinationSchema = z.strictObject({
  destination: namePatternSchema(DOMAIN_PATTERN, parseAllowedPattern).describe(
    'Domain name: "example.com" is that name only; "*.example.com" is every name under it, not itself, and no bucket or account of a storage provider.',
  ),
  internetDestinationType: z
    .enum(['DNS_NAME'])
    .default('DNS_NAME')
    .describe('How the destination is written.'),
  ports: optionalList(
    destinationPortSchema,
    16,
    'Ports and protocols. Without it: 443 for TLS and 80 for HTTP.',
  ),
  sharedZone: z
    .enum(SHARED_ZONE_ANSWERS)
    .optional()
    .describe(
      'Accept: this wildcard covers names of other customers, too ("*.github.io", "*.amazonaws.com"), and all of them may be reached. Without it such an entry allows nothing.',
    ),
  expiresAt: timeSchema.optional().describe('The entry expires at this time (UTC).'),
  reason: z.string().max(128).optional().describe('Comment for people who read the policy.'),
});

/** A blocked name is blocked on every port. */
const blockedDestinationSchema = internetDestinationSchema.omit({ ports: true, sharedZone: true }).extend({
  destination: namePatternSchema(ANY_NAME_PATTERN, parseNamePattern).describe(
    'Any domain name: "example.com" is that name only; "*.example.com" is every name under it, "*.zip" every name that ends so.',
  ),
});

const policyEnforcementSchema = z.strictObject({
  enforcementMode: z
    .enum(['ENFORCED', 'DRY_RUN'])
    .default('ENFORCED')
    .describe(
      'DRY_RUN logs what would be denied and denies only blocked destinations and cloud metadata; external models stay enforced.',
    ),
  dryRunModeProductFilter: optionalList(
    z.enum(DRY_RUN_PRODUCTS),
    DRY_RUN_PRODUCTS.length,
    'Products that are in dry-run. Without it, or empty: all products.',
  ),
  mlBuildEnforcement: z
    .enum(['ENFORCED', 'EXEMPT'])
    .default('ENFORCED')
    .describe('Whether the policy applies to image builds for model serving. EXEMPT gives them full access.'),
});

const networkAccessSchema = z.strictObject({
  restrictionMode: z
    .enum(['FULL_ACCESS', 'RESTRICTED_ACCESS'])
    .describe('FULL_ACCESS does not restrict egress. RESTRICTED_ACCESS allows only the listed destinations.'),
  allowedInternetDestinations: optionalList(
    internetDestinationSchema,
    MAX_DESTINATIONS,
    'Domains that may be reached. Empty allows none.',
  ),
  blockedInternetDestinations: optionalList(
    blockedDestinationSchema,
    MAX_BLOCKED_DESTINATIONS,
    'Domains that may never be reached; they take precedence over every allowed destination.',
  ),
  allowedStorageDestinations: optionalList(
    storageDestinationSchema,
    MAX_DESTINATIONS,
    'Buckets and storage accounts that may be reached.',
  ),
  policyEnforcement: policyEnforcementSchema
    .optional()
    .describe('Dry-run settings. Without it: enforced for all products.'),
});

const clusterPeerSchema = z.strictObject({
  namespaceSelector: labelSelectorSchema
    .optional()
    .describe('Namespaces of the peers. Without it: the Namespace of the workspace.'),
  podSelector: labelSelectorSchema
    .optional()
    .describe('Pods of the peers. Without it: every pod of those namespaces.'),
  ports: optionalList(
    z.strictObject({
      port: z.int().min(1).max(65535).describe('Port of the peer.'),
      protocol: z.enum(['TCP', 'UDP']).default('TCP').describe('Transport protocol.'),
    }),
    16,
    'Ports of the peers. Without it: none.',
  ),
});

const clusterAccessSchema = z.strictObject({
  presets: optionalList(
    z.enum(['KUBERNETES_API']),
    1,
    'Well-known services of the cluster that pods may reach directly.',
  ),
  peers: optionalList(clusterPeerSchema, 50, 'Pods of other namespaces that pods may reach directly.'),
});

const networkPolicySpecSchema = z.strictObject({
  egress: z
    .strictObject({
      networkAccess: networkAccessSchema.describe('Destinations outside the cluster.'),
      clusterAccess: clusterAccessSchema
        .optional()
        .describe('Destinations inside the cluster, reached without the gateway.'),
    })
    .describe('Rules for connections that leave the workspace.')
    .superRefine((egress, context) => {
      const count = countDestinations(egress.networkAccess);
      if (count <= MAX_DESTINATIONS) return;
      const message = `Cannot accept ${count} destinations: the limit is ${MAX_DESTINATIONS}, allowed internet and storage destinations together`;
      context.addIssue({
        code: 'custom',
        path: ['networkAccess'],
        message,
        params: { reason: 'TooManyDestinations' },
      });
    }),
  staleWorkloads: staleWorkloadsSchema
    .optional()
    .describe('What happens to pods that run in another lane than this policy gives. Without it: nothing.'),
});

type NetworkPolicySpec = z.infer<typeof networkPolicySpecSchema>;
export type NetworkAccess = z.infer<typeof networkAccessSchema>;
export type InternetDestination = z.infer<typeof internetDestinationSchema>;

export interface NetworkPolicy {
  readonly kind: 'NetworkPolicy';
  readonly metadata: ObjectMeta;
  readonly spec: NetworkPolicySpec;
}

/** Counted as written (R16). */
export function countDestinations(access: {
  readonly allowedInternetDestinations?: readonly unknown[] | undefined;
  readonly allowedStorageDestinations?: readonly unknown[] | undefined;
}): number {
  return (access.allowedInternetDestinations?.length ?? 0) + (access.allowedStorageDestinations?.length ?? 0);
}

const networkPolicyStatusSchema = z.strictObject({
  conditions: conditionsSchema,
  destinations: z.int().min(0).optional().describe('Allowed destinations as written.'),
  workspaces: z.int().min(0).optional().describe('Workspaces under this policy.'),
  ...expiryStatus,
  restartRequired: z
    .int()
    .min(0)
    .optional()
    .describe('Workloads that must restart before the policy applies to them.'),
});

const ACCESS = 'spec.egress.networkAccess';

export const networkPolicyKind: KindDescription = {
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortName: 'snp',
  scope: 'Cluster',
  nameRule: { maxLength: MAX_POLICY_ID_LENGTH },
  description: `Destinations that the workspaces under this policy may reach. The policy "${DEFAULT_POLICY}" applies to every workspace without another.`,
  spec: networkPolicySpecSchema,
  status: networkPolicyStatusSchema,
  columns: [
    { name: 'Mode', type: 'string', jsonPath: `.${ACCESS}.restrictionMode` },
    { name: 'Enforcement', type: 'string', jsonPath: `.${ACCESS}.policyEnforcement.enforcementMode` },
    { name: 'Destinations', type: 'integer', jsonPath: '.status.destinations' },
    { name: 'Workspaces', type: 'integer', jsonPath: '.status.workspaces' },
    { name: 'Restart-Required', type: 'integer', jsonPath: '.status.restartRequired' },
    conditionColumn('Programmed'),
    conditionColumn('Ready'),
    conditionColumn('Ready', 'reason'),
    conditionColumn('Ready', 'message'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [
    {
      path: `${ACCESS}`,
      rule: `(has(self.allowedInternetDestinations) ? size(self.allowedInternetDestinations) : 0) + (has(self.allowedStorageDestinations) ? size(self.allowedStorageDestinations) : 0) <= ${MAX_DESTINATIONS}`,
      message: `at most ${MAX_DESTINATIONS} destinations: allowed internet and storage destinations together`,
    },
  ],
};
