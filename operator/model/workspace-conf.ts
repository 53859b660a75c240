// WorkspaceConf: switches of one workspace, one object named "workspace" in its Namespace.
import { z } from 'zod';
import { conditionColumn } from './condition.ts';
import {
  conditionsSchema,
  type KindDescription,
  type ObjectMeta,
  optionalList,
} from './kubernetes-object.ts';

export const WORKSPACE_CONF_NAME = 'workspace';

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
      hosts: optionalList(
        z.string().min(1).max(253),
        16,
        'Host names under which people reach this workspace.',
      ),
      backends: optionalList(
        z.strictObject({
          serviceName: z.string().min(1).max(63).describe('Name of the Service in this Namespace.'),
          port: z.int().min(1).max(65535).describe('Port of the Service.'),
        }),
        16,
        'Services that serve this workspace.',
      ),
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
    conditionColumn('Accepted'),
    conditionColumn('Accepted', 'message'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
};
