// A workspace under a policy of its own, as the YAML that people write.
// In: its name and what its policy says. Out: text for a file of the folder that the gateway reads.
import { dump } from 'js-yaml';

const API = 'sallyport.dev/v1alpha1';

/** The policy's networkAccess, as written; restricted unless it says otherwise. */
export type WrittenAccess = Readonly<Record<string, unknown>>;

/** Namespace, assignment and policy "<name>-policy"; the workspace's id is "id-of-<name>". */
export function workspaceYaml(name: string, access: WrittenAccess): string {
  const networkAccess = { restrictionMode: 'RESTRICTED_ACCESS', ...access };
  const networkPolicyId = `${name}-policy`;
  return yamlOf(
    namespaceOf(name),
    { apiVersion: API, kind: 'PolicyAssignment', metadata: { name }, spec: { networkPolicyId } },
    {
      apiVersion: API,
      kind: 'NetworkPolicy',
      metadata: { name: networkPolicyId },
      spec: { egress: { networkAccess } },
    },
  );
}

/** Every product of the workspace in dry-run. */
export const DRY_RUN: WrittenAccess = { policyEnforcement: { enforcementMode: 'DRY_RUN' } };

export type WrittenPort = Readonly<{ port: number; protocol: 'TLS' | 'HTTP' | 'TCP' }>;

/** The names as allowed destinations, all on these ports; without ports on the default ones. */
export function allow(names: readonly string[], ports?: readonly WrittenPort[]): WrittenAccess {
  const more = ports === undefined ? {} : { ports };
  return { allowedInternetDestinations: names.map((destination) => ({ destination, ...more })) };
}

export interface WrittenEndpoint {
  readonly domains: readonly string[];
  readonly addressRanges: readonly string[];
  readonly workspaces: readonly string[];
  readonly ports?: readonly WrittenPort[];
}

export function privateEndpointYaml(name: string, spec: WrittenEndpoint): string {
  return yamlOf({ apiVersion: API, kind: 'PrivateEndpoint', metadata: { name }, spec });
}

function namespaceOf(name: string): object {
  const labels = { 'sallyport.dev/workspace': `id-of-${name}` };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function yamlOf(...objects: readonly object[]): string {
  return objects.map((object) => `---\n${dump(object)}`).join('');
}
