// Stamps: what a pod is given when it starts, and the annotations of its Namespace from which it is given. Written by
// the operator, read by admission policies (which copy them to pods) and by isolation (which selects by them).
import { GROUP } from './kubernetes-object.ts';
import { LANES, type Lane } from './lane.ts';
import type { Product } from './product.ts';

/** Labels of a pod. */
export const PRODUCT_LABEL = `${GROUP}/product`;
export const LANE_LABEL = `${GROUP}/lane`;
/** Revision of the setting that the pod was stamped under. */
export const STAMP_LABEL = `${GROUP}/stamp`;

/** Annotations of a pod that was given a stricter lane: the lane before, and when (model/moved-pod.ts). */
export const MOVED_FROM_ANNOTATION = `${GROUP}/moved-from`;
export const MOVED_AT_ANNOTATION = `${GROUP}/moved-at`;
export const MOVED_ANNOTATIONS = [MOVED_FROM_ANNOTATION, MOVED_AT_ANNOTATION] as const;
/** Annotation of a running pod that was exempted: when (model/exempted-pod.ts). */
export const EXEMPTED_AT_ANNOTATION = `${GROUP}/exempted-at`;
/** Annotation of a running pod that was given a stricter lane: by what. */
export const ISOLATED_BY_ANNOTATION = `${GROUP}/isolated-by`;
/** Its value: the setting staleWorkloads of the pod's policy. */
export const ISOLATED_BY_DEADLINE = 'STALE_WORKLOADS';
/** Annotation of a pod whose product label named none: what it said. The label says GENERAL then. */
export const UNKNOWN_PRODUCT_ANNOTATION = `${GROUP}/unknown-product`;
/** Only the operator writes these. */
export const POD_ANNOTATIONS = [
  ...MOVED_ANNOTATIONS,
  EXEMPTED_AT_ANNOTATION,
  ISOLATED_BY_ANNOTATION,
] as const;

/** LANES is in order of openness. */
export const STRICTEST_LANE: Lane = 'sealed';
export const STAMP_LABELS = [PRODUCT_LABEL, LANE_LABEL, STAMP_LABEL] as const;

/** Of pods that ran before their Namespace became a workspace: exempt from isolation until they restart (R39). */
export const EXEMPTED_LANE: Lane = 'full';
/** Of pods that were created before and had not started: they lack the workspace's settings. */
export const HELD_LANE: Lane = STRICTEST_LANE;
export const EXEMPTED_PRODUCT: Product = 'GENERAL';

/** Annotations of a Namespace that is a workspace. Without this one no pod may start there: it is not ready yet. */
export const STAMP_ANNOTATION = `${GROUP}/stamp`;
/** Lane of a product that has no annotation of its own. */
export const DEFAULT_LANE_ANNOTATION = `${GROUP}/lane`;
export const NO_PROXY_ANNOTATION = `${GROUP}/no-proxy`;
/** Optional: the cluster's own name servers, as in dnsAnnotation(); pods in dry-run list them second. */
export const CLUSTER_DNS_ANNOTATION = `${GROUP}/cluster-dns`;
/** Optional: the domain of the cluster's Services, where it is not the usual one. */
export const CLUSTER_DOMAIN_ANNOTATION = `${GROUP}/cluster-domain`;
export const USUAL_CLUSTER_DOMAIN = 'cluster.local';
/**
 * Set by users: "Isolate" isolates even the pods that ran before their Namespace became a workspace. So does any other
 * value, since somebody asked for something other than the open default.
 */
export const ADOPT_ANNOTATION = `${GROUP}/adopt`;
export const ADOPT_ISOLATE = 'Isolate';
/**
 * Set by administrators, to a reason: who has the break-glass permission may then write what only the operator writes.
 */
export const BREAK_GLASS_ANNOTATION = `${GROUP}/break-glass`;
/** Only the operator writes all others of our prefix. */
export const USER_ANNOTATIONS: readonly string[] = [ADOPT_ANNOTATION, BREAK_GLASS_ANNOTATION];

export function isOperatorAnnotation(name: string): boolean {
  return name.startsWith(`${GROUP}/`) && !USER_ANNOTATIONS.includes(name);
}

export function laneAnnotation(product: Product): string {
  return `${DEFAULT_LANE_ANNOTATION}.${product}`;
}

/** "http://10.96.0.77:3128". */
export function proxyAnnotation(lane: Lane): string {
  return `${GROUP}/proxy.${lane}`;
}

/** Name servers of the lane, separated by commas: one per address family. */
export function dnsAnnotation(lane: Lane): string {
  return `${GROUP}/dns.${lane}`;
}

/** Proxy variables of pods, in upper and lower case: curl, wget and gRPC read the latter. */
export const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'] as const;
export const NO_PROXY_VARIABLES = ['NO_PROXY', 'no_proxy'] as const;
/** Node's own clients respect the others only with this one. */
export const NODE_VARIABLE = { name: 'NODE_USE_ENV_PROXY', value: '1' } as const;
/** Set by us or removed: no proxy variable of a pod's author remains. */
export const RESERVED_VARIABLES = [
  ...PROXY_VARIABLES,
  ...NO_PROXY_VARIABLES,
  'ALL_PROXY',
  'all_proxy',
  NODE_VARIABLE.name,
] as const;

/** LANES is in order of openness: `full` first, `sealed` last. */
export function isMoreOpen(lane: Lane, than: Lane): boolean {
  return LANES.indexOf(lane) < LANES.indexOf(than);
}

/** Virtual resources of our group, for which RBAC says who may do what; no such objects exist. */
export const USE_PRODUCT = { resource: 'products', verb: 'use' } as const;
/** No role of ours grants it: cluster-admin has it. */
export const BREAK_GLASS = { resource: 'guards', verb: 'break' } as const;
