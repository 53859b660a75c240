// WorkspaceConf: switches of one workspace, one object named "workspace" in its Namespace.
import { z } from 'zod';
import { parseAddressRange } from './address-range.ts';
import { conditionColumn } from './condition.ts';
import { denyHost, type ParsedPattern, parseNamePattern } from './domain-name.ts';
import {
  CEL_RULES,
  conditionsSchema,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  PATTERN_HINT,
} from './kubernetes-object.ts';
import { ANY_NAME_PATTERN, namePatternSchema } from './network-policy.ts';

export const WORKSPACE_CONF_NAME = 'workspace';

const OBJECT_NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const SECRET_HINT =
  'write the name of a Secret: lower-case letters, digits, dots and hyphens, for example "analytics-tls"';
const HOST_HINT =
  'write a host name such as "analytics.acme.example", without "*", scheme, port, path or address';
const HOST_PATTERN = ANY_NAME_PATTERN.replace('(\\*\\.)?', '');

/** One exact name. */
const hostSchema = namePatternSchema(HOST_PATTERN, parseHost, HOST_HINT).describe(
  'Host name, for example "analytics.acme.example".',
);

function parseHost(text: string): ParsedPattern {
  const parsed = parseNamePattern(text);
  if (!('pattern' in parsed)) return denyHost(text, parsed.fault);
  return parsed.pattern.wildcard ? denyHost(text, 'WILDCARD') : parsed;
}

const ADDRESS_HINT = 'write an address such as 127.0.0.1';

/** A Service in a cluster, an address in a folder; ingress-plans.ts says which. */
const backendSchema = z.strictObject({
  serviceName: z.string().min(1).max(63).optional().describe('Name of the Service in this Namespace.'),
  address: z
    .string()
    .max(45, { abort: true })
    .meta({ [CEL_RULES]: [{ rule: 'isIP(self)', message: ADDRESS_HINT }] })
    .superRefine((text, context) => {
      if (text.includes('/') || 'message' in parseAddressRange(text))
        context.addIssue({ code: 'custom', message: `Cannot use "${text}": ${ADDRESS_HINT}` });
    })
    .optional()
    .describe('Address of the server, for "sallyport run"; a cluster ignores it.'),
  port: z.int().min(1).max(65535).describe('Port of the Service, or of the server.'),
});

const workspaceConfSpecSchema = z.strictObject({
  enableIpAccessLists: z
    .boolean()
    .default(false)
    .describe('Whether the IpAccessLists of this workspace apply. When false, all access is allowed.'),
  enableUdfNetworkAccess: z
    .boolean()
    .default(false)
    .describe(
      'Whether SQL user-defined functions have the network access of their warehouse. When false, they reach no internet destination.',
    ),
  ingress: z
    .strictObject({
      hosts: optionalList(hostSchema, 16, 'Host names under which people reach this workspace.'),
      backends: optionalList(
        backendSchema,
        16,
        'What serves this workspace; connections are spread over all.',
      ),
      tlsSecretName: z
        .string()
        .min(1)
        .max(253)
        .regex(OBJECT_NAME, SECRET_HINT)
        .meta({ [PATTERN_HINT]: SECRET_HINT })
        .optional()
        .describe('Secret of type kubernetes.io/tls in this Namespace, with which TLS ends at the gateway.'),
      tlsPassthrough: z
        .boolean()
        .default(false)
        .describe('Whether TLS is passed through to the backends by its server name.'),
    })
    .optional()
    .describe('How people access this workspace.'),
});

type WorkspaceConfSpec = z.infer<typeof workspaceConfSpecSchema>;

export interface WorkspaceConf {
  readonly kind: 'WorkspaceConf';
  readonly metadata: ObjectMeta;
  readonly spec: WorkspaceConfSpec;
}

export const workspaceConfKind: KindDescription = {
  kind: 'WorkspaceConf',
  plural: 'workspaceconfs',
  shortName: 'swc',
  scope: 'Namespaced',
  description: 'Switches of one workspace.',
  nameRule: { exactly: WORKSPACE_CONF_NAME },
  spec: workspaceConfSpecSchema,
  status: z.strictObject({ conditions: conditionsSchema }),
  columns: [
    { name: 'IP-Access-Lists', type: 'boolean', jsonPath: '.spec.enableIpAccessLists' },
    { name: 'UDF-Network', type: 'boolean', jsonPath: '.spec.enableUdfNetworkAccess' },
    { name: 'Hosts', type: 'string', jsonPath: '.spec.ingress.hosts' },
    conditionColumn('Programmed'),
    conditionColumn('Ready'),
    conditionColumn('Ready', 'reason'),
    conditionColumn('Ready', 'message'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
