// Who may do what, as one table -> ServiceAccounts, roles and their bindings. Our own programs get what they use and no
// more; people get roles that aggregate into Kubernetes' view and admin, and two for account admins.
import {
  CALLER_REPORTS,
  CLIENT_AUTHORITY,
  type ClusterResource,
  CONFIG_MAPS,
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
  POLICY_ASSIGNMENTS,
  ROLE_BINDINGS,
  ROLES,
  SECRETS,
  SERVICES,
  SUBJECT_ACCESS_REVIEWS,
  TOKEN_REVIEWS,
  WORKSPACE_PLANS,
} from '../model/cluster-resources.ts';
import { ipAccessListKind } from '../model/ip-access-list.ts';
import { KINDS } from '../model/kinds.ts';
import { GROUP } from '../model/kubernetes-object.ts';
import { PRODUCTS } from '../model/product.ts';
import { USE_PRODUCT } from '../model/stamp.ts';
import {
  COLLECTOR_NAME,
  DENIALS_RESOURCE,
  GATEWAY_LEASE_NAME,
  INGRESS_TLS_ROLE,
  type Installation,
  LEASE_NAME,
} from '../model/system-names.ts';
import { workspaceConfKind } from '../model/workspace-conf.ts';
import type { JsonObject } from './crd.ts';

export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Grant {
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

/** Of ClusterRoles by which the collector may read owners of pods. */
const OWNERS_LABEL = `${GROUP}/aggregate-to-collector`;

const READ = ['get', 'list', 'watch'];
const EDIT = [...READ, 'create', 'update', 'patch', 'delete', 'deletecollection'];
/** Server-side apply of what may be new. */
const APPLY = ['create', 'patch'];

const LEASES = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };

/** Admission says which: that of the pod itself. */
const OWN_REPORT = allow(['get', ...APPLY], [GATEWAY_REPORTS]);

/** The Namespace first, since the rest is in it. */
export function renderRbac(installation: Installation): readonly JsonObject[] {
  const { systemNamespace, operatorAccount, gatewayAccount, ingressAccount, apiAccount } = installation;
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } },
    ...[operatorAccount, gatewayAccount, ingressAccount, apiAccount].map((name) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: systemNamespace },
    })),
    ...[...programs(installation), ...people(installation)].flatMap((grant) =>
      renderGrant(grant, systemNamespace),
    ),
  ];
}

/** Of the operator, in the Namespace of canary pods, which is not part of every installation. */
export function renderCanaryRoles(installation: Installation): readonly JsonObject[] {
  return renderGrant(canaryPods(installation), installation.systemNamespace);
}

/** Of the collector, which is not part of every installation, and of those who ask it. */
export function renderCollectorRbac(installation: Installation): readonly JsonObject[] {
  const { systemNamespace, collectorAccount: name } = installation;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: systemNamespace } },
    ...collectorGrants(installation).flatMap((grant) => renderGrant(grant, systemNamespace)),
  ];
}

function collectorGrants({ systemNamespace, collectorAccount }: Installation): readonly Grant[] {
  const collector = { name: collectorAccount, account: collectorAccount };
  const named = (verbs: readonly string[], resource: ClusterResource, name: string): RbacRule => ({
    ...allow(verbs, [resource]),
    resourceNames: [name],
  });
  return [
    {
      ...collector,
      // Who calls, and what they may read; then who was denied.
      rules: [
        allow(['create'], [TOKEN_REVIEWS]),
        allow(['create'], [SUBJECT_ACCESS_REVIEWS]),
        ...deniedPods(),
      ],
    },
    // Owners of other kinds: whoever wants their names in the log gives a role that label, or binds none at all.
    {
      name: `${collectorAccount}-owners`,
      account: collectorAccount,
      aggregates: { [OWNERS_LABEL]: 'true' },
      rules: [],
    },
    {
      ...collector,
      namespace: CLIENT_AUTHORITY.namespace,
      rules: [named(READ, CONFIG_MAPS, CLIENT_AUTHORITY.name)],
    },
    {
      ...collector,
      namespace: systemNamespace,
      rules: [
        // Written by apply, whose requests carry the name.
        ...[SECRETS, CONFIG_MAPS].map((resource) => named([...READ, ...APPLY], resource, COLLECTOR_NAME)),
        // Of pods that are gone with denials that they had not sent.
        allow(['list', 'delete'], [GATEWAY_REPORTS]),
      ],
    },
    {
      // Whoever connects checks the certificate of the collector by it.
      name: `${COLLECTOR_NAME}-authority`,
      namespace: systemNamespace,
      group: 'system:authenticated',
      rules: [named(READ, CONFIG_MAPS, COLLECTOR_NAME)],
    },
    {
      name: 'sallyport-denials-viewer',
      labels: aggregatedTo('admin'),
      rules: [ours(['get'], [DENIALS_RESOURCE])],
    },
  ];
}

/** Pods by their addresses; their owners, which count only where they are read, since pods may name any; Events about both. */
function deniedPods(): readonly RbacRule[] {
  return [
    allow(READ, [PODS]),
    {
      apiGroups: ['apps'],
      resources: ['daemonsets', 'deployments', 'replicasets', 'statefulsets'],
      verbs: ['get'],
    },
    { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'], verbs: ['get'] },
    { apiGroups: [''], resources: ['replicationcontrollers'], verbs: ['get'] },
    allow(['get'], [POLICY_ASSIGNMENTS]),
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: APPLY },
  ];
}

/** What the operator is granted, by Namespace; "" for everywhere. */
export function operatorRules(installation: Installation): ReadonlyMap<string, readonly RbacRule[]> {
  const all = [...programs(installation), canaryPods(installation)];
  const own = all.filter(({ account }) => account === installation.operatorAccount);
  return new Map(own.map(({ namespace = '', rules }) => [namespace, rules]));
}

function programs(installation: Installation): readonly Grant[] {
  const { systemNamespace, operatorAccount, gatewayAccount } = installation;
  const operator = { name: operatorAccount, account: operatorAccount };
  const gateway = { name: gatewayAccount, account: gatewayAccount };
  return [
    { ...operator, rules: operatorEverywhere() },
    { ...operator, namespace: systemNamespace, rules: operatorAtHome() },
    // Addresses of the API server.
    { ...operator, namespace: 'default', rules: [allow(READ, [SERVICES]), allow(READ, [ENDPOINT_SLICES])] },
    // Services whose names the gateway forwards to the cluster's DNS.
    { ...gateway, rules: [allow(['list', 'watch'], [SERVICES])] },
    {
      ...gateway,
      namespace: systemNamespace,
      rules: [
        allow(READ, [EGRESS_TABLES, WORKSPACE_PLANS]),
        OWN_REPORT,
        // Its own pod, the owner of the report, and those of its pool.
        allow(READ, [PODS]),
        // Of all lanes, by the one that holds the lease.
        allow([...READ, ...APPLY, 'delete'], [ENDPOINT_SLICES]),
        ...leaseOf(GATEWAY_LEASE_NAME),
      ],
    },
    ...inboundPrograms(installation),
  ];
}

/** It reads pods everywhere. Admission says what kind of pod it may make. */
function canaryPods({ canaryNamespace, operatorAccount }: Installation): Grant {
  return {
    name: operatorAccount,
    namespace: canaryNamespace,
    account: operatorAccount,
    rules: [allow(['create', 'delete'], [PODS])],
  };
}

function inboundPrograms({ systemNamespace, ingressAccount, apiAccount }: Installation): readonly Grant[] {
  const ingress = { name: ingressAccount, account: ingressAccount };
  return [
    // Addresses of backends. Secrets are granted one by one, by Roles that the operator writes.
    { ...ingress, rules: [allow(['list', 'watch'], [SERVICES])] },
    {
      ...ingress,
      namespace: systemNamespace,
      rules: [allow(READ, [INGRESS_PLANS]), OWN_REPORT, allow(['get'], [PODS])],
    },
    // It asks the API server with the token of its caller; its own rights are for what it obeys and reports.
    {
      name: apiAccount,
      account: apiAccount,
      namespace: systemNamespace,
      rules: [
        allow(READ, [INGRESS_PLANS]),
        allow(['get', 'list', ...APPLY], [CALLER_REPORTS]),
        OWN_REPORT,
        allow(['get'], [PODS]),
      ],
    },
  ];
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

/** A role cannot restrict creation by name; admission does. */
function leaseOf(name: string): readonly RbacRule[] {
  return [
    { ...LEASES, verbs: ['create'] },
    { ...LEASES, resourceNames: [name], verbs: ['get', 'patch'] },
  ];
}

function people({ systemNamespace }: Installation): readonly Grant[] {
  const plurals = (isNamespaced: boolean): readonly string[] =>
    INPUT_RESOURCES.filter((resource) => resource.isNamespaced === isNamespaced).map(({ plural }) => plural);
  // Whence somebody called is for administrators of the cluster.
  const all = KINDS.map(({ plural }) => plural).filter((plural) => plural !== CALLER_REPORTS.plural);
  return [
    { name: 'sallyport-viewer', labels: aggregatedTo('view'), rules: [ours(READ, all)] },
    {
      name: 'sallyport-workspace-admin',
      labels: aggregatedTo('admin'),
      rules: [ours(EDIT, plurals(true))],
    },
    {
      name: 'sallyport-account-admin',
      // `use`, since nobody can grant what they do not have.
      rules: [ours(EDIT, plurals(false)), ours([USE_PRODUCT.verb], [USE_PRODUCT.resource])],
    },
    {
      // The lists of the account.
      name: 'sallyport-account-admin',
      namespace: systemNamespace,
      rules: [ours(EDIT, [ipAccessListKind.plural, workspaceConfKind.plural])],
    },
    // For a RoleBinding to the ServiceAccount whose pods may take the lane of that product.
    ...PRODUCTS.map((product) => ({
      name: `sallyport-use-${product.toLowerCase().replaceAll('_', '-')}`,
      rules: [
        { ...ours([USE_PRODUCT.verb], [USE_PRODUCT.resource]), resourceNames: [product.toLowerCase()] },
      ],
    })),
  ];
}

function aggregatedTo(role: string): Readonly<Record<string, string>> {
  return { [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true' };
}

function ours(verbs: readonly string[], resources: readonly string[]): RbacRule {
  return { apiGroups: [GROUP], resources, verbs };
}

/** All of them in one API group. */
export function allow(verbs: readonly string[], resources: readonly ClusterResource[]): RbacRule {
  const groups = new Set(resources.map(({ apiVersion }) => groupOf(apiVersion)));
  return { apiGroups: [...groups], resources: resources.map(({ plural }) => plural), verbs };
}

/** "networking.k8s.io" of "networking.k8s.io/v1", "" of "v1". */
function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

function statusesOf(resources: readonly ClusterResource[]): readonly string[] {
  const withStatus = KINDS.filter(({ status }) => status !== undefined).map(({ plural }) => plural);
  return resources
    .filter(({ plural }) => withStatus.includes(plural))
    .map(({ plural }) => `${plural}/status`);
}

export function renderGrant(grant: Grant, systemNamespace: string) {
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
