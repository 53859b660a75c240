// A grant, to a program or to people -> a role and its binding; and the rules that grants are made of.
import type { ClusterResource } from '../../model/cluster-resources.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import type { JsonObject } from '../crd.ts';

export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Grant {
  readonly name: string;
  /** Left out: in every Namespace. */
  readonly namespace?: string;
  /** ServiceAccount of the system namespace; left out for roles of people. */
  readonly account?: string;
  /** Instead of an account. */
  readonly group?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the roles whose rules it has, too. */
  readonly aggregates?: Readonly<Record<string, string>>;
  readonly rules: readonly RbacRule[];
}

export const READ = ['get', 'list', 'watch'];
/** Server-side apply of what may be new. */
export const APPLY = ['create', 'patch'];

const LEASES = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };

/** All of them in one API group. */
export function allow(verbs: readonly string[], resources: readonly ClusterResource[]): RbacRule {
  const groups = new Set(resources.map(({ apiVersion }) => groupOf(apiVersion)));
  return { apiGroups: [...groups], resources: resources.map(({ plural }) => plural), verbs };
}

export function ours(verbs: readonly string[], resources: readonly string[]): RbacRule {
  return { apiGroups: [GROUP], resources, verbs };
}

/** "networking.k8s.io" of "networking.k8s.io/v1", "" of "v1". */
function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

/** A role cannot restrict creation by name; admission does. */
export function leaseOf(name: string): readonly RbacRule[] {
  return [
    { ...LEASES, verbs: ['create'] },
    { ...LEASES, resourceNames: [name], verbs: ['get', 'patch'] },
  ];
}

/** Labels of a ClusterRole whose rules Kubernetes' own role of that name gets, too. */
export function aggregatedTo(role: string): Readonly<Record<string, string>> {
  return { [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true' };
}

export function renderGrant(grant: Grant, systemNamespace: string): readonly JsonObject[] {
  const { name, namespace, account, group, labels, aggregates, rules } = grant;
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  // Kubernetes writes the rules of a role that has those of others.
  const content =
    aggregates === undefined
      ? { rules }
      : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregates }] } };
  const role = {
    apiVersion,
    kind,
    metadata: { ...metadata, ...(labels && { labels }) },
    ...content,
  };
  if (account === undefined && group === undefined) return [role];
  const subject =
    group === undefined
      ? { kind: 'ServiceAccount', name: account, namespace: systemNamespace }
      : { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: group };
  return [
    role,
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
      subjects: [subject],
    },
  ];
}
