// What the operator may do: everywhere, at home, and in the Namespace of canary pods.
import {
  CALLER_REPORTS,
  type ClusterResource,
  EGRESS_TABLES,
  ENDPOINT_SLICES,
  GATEWAY_REPORTS,
  INGRESS_PLANS,
  INPUT_RESOURCES,
  IP_ADDRESSES,
  KUBE_NETWORK_POLICIES,
  NAMESPACES,
  PLUGIN_POLICIES,
  PODS,
  ROLE_BINDINGS,
  ROLES,
  SERVICES,
  WORKSPACE_PLANS,
} from '../../model/cluster-resources.ts';
import { KINDS } from '../../model/kinds.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { INGRESS_TLS_ROLE, type Installation, LEASE_NAME } from '../../model/system-names.ts';
import { OWNER_PLURALS } from '../../model/workload-kind.ts';
import { APPLY, allow, type Grant, leaseOf, ours, type RbacRule, READ } from './grant.ts';

/** What the operator can be granted, by Namespace; "" for everywhere. */
export function operatorRules(installation: Installation): ReadonlyMap<string, readonly RbacRule[]> {
  const all = [...operatorGrants(installation), canaryPods(installation), evictions(installation)];
  const byNamespace = Map.groupBy(all, ({ namespace = '' }) => namespace);
  return new Map([...byNamespace].map(([namespace, own]) => [namespace, own.flatMap(({ rules }) => rules)]));
}

export function operatorGrants({ systemNamespace, operatorAccount }: Installation): readonly Grant[] {
  const operator = { name: operatorAccount, account: operatorAccount };
  return [
    { ...operator, rules: operatorEverywhere() },
    { ...operator, namespace: systemNamespace, rules: operatorAtHome() },
    // Addresses of the API server.
    { ...operator, namespace: 'default', rules: [allow(READ, [SERVICES]), allow(READ, [ENDPOINT_SLICES])] },
  ];
}

/** Only where somebody wants it: policies say Evict in vain otherwise. Admission says where, and how. */
export function evictions({ operatorAccount }: Installation): Grant {
  return {
    name: `${operatorAccount}-evictions`,
    account: operatorAccount,
    rules: [{ apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] }],
  };
}

/** It reads pods everywhere. Admission says what kind of pod it may make. */
export function canaryPods({ canaryNamespace, operatorAccount }: Installation): Grant {
  return {
    name: operatorAccount,
    namespace: canaryNamespace,
    account: operatorAccount,
    rules: [allow(['create', 'delete'], [PODS])],
  };
}

/**
 * Owners of pods that must restart. It asks for their metadata only, but who may get an object may read all of it, so an
 * installation can do without.
 */
export function ownerReading({ operatorAccount }: Installation): Grant {
  return {
    name: `${operatorAccount}-owners`,
    account: operatorAccount,
    rules: [...OWNER_PLURALS].map(([group, resources]) => ({
      apiGroups: [group],
      resources,
      verbs: ['get'],
    })),
  };
}

function operatorEverywhere(): readonly RbacRule[] {
  return [
    // Stamps of workspaces, and labels of existing pods.
    allow([...READ, 'patch'], [NAMESPACES, PODS]),
    allow([...READ, ...APPLY, 'delete'], [KUBE_NETWORK_POLICIES]),
    allow(READ, INPUT_RESOURCES),
    // Whether our kinds are of this version.
    {
      apiGroups: ['apiextensions.k8s.io'],
      resources: ['customresourcedefinitions'],
      resourceNames: KINDS.map(({ plural }) => `${plural}.${GROUP}`),
      verbs: ['get'],
    },
    // Which Services take addresses, and which endpoints no selector chose.
    allow(['list'], [SERVICES]),
    allow(['list'], [ENDPOINT_SLICES]),
    // Whether a Service can get its former address again.
    allow(['get'], [IP_ADDRESSES]),
    // The default policy where there is none, metadata of assignments, and deletion of abandoned ones.
    ours(['create'], ['networkpolicies']),
    ours([...APPLY, 'delete'], ['policyassignments']),
    ours(['patch'], statusesOf(INPUT_RESOURCES)),
    ...ingressTlsRoles(),
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: APPLY },
    ...[...Map.groupBy(PLUGIN_POLICIES, ({ apiVersion }) => apiVersion).values()].map((policies) =>
      allow(READ, policies),
    ),
  ];
}

/**
 * By name, and written by apply, whose requests carry it. Who grants a right must have it or may escalate; without these
 * verbs the operator would need to read every Secret itself. Admission says what the one Role may be.
 */
function ingressTlsRoles(): readonly RbacRule[] {
  const named = (rule: RbacRule): RbacRule => ({ ...rule, resourceNames: [INGRESS_TLS_ROLE] });
  return [
    named(allow([...READ, ...APPLY, 'delete', 'bind', 'escalate'], [ROLES])),
    named(allow([...READ, ...APPLY, 'delete'], [ROLE_BINDINGS])),
  ];
}

function operatorAtHome(): readonly RbacRule[] {
  const compiled = [EGRESS_TABLES, WORKSPACE_PLANS, INGRESS_PLANS];
  return [
    allow([...READ, ...APPLY, 'delete'], [SERVICES]),
    allow([...READ, ...APPLY, 'delete'], compiled),
    allow(READ, [GATEWAY_REPORTS, CALLER_REPORTS]),
    ...leaseOf(LEASE_NAME),
  ];
}

function statusesOf(resources: readonly ClusterResource[]): readonly string[] {
  const withStatus = KINDS.filter(({ status }) => status !== undefined).map(({ plural }) => plural);
  return resources
    .filter(({ plural }) => withStatus.includes(plural))
    .map(({ plural }) => `${plural}/status`);
}
