// Names inside the cluster -> their meaning, by the Services that exist. Other such names come from a resolver's search
// list ("api.example.com.lab.svc.cluster.local"): forwarding them would disclose them.
import type { ClusterService } from '../../model/cluster-service.ts';

export interface ClusterNames {
  /** "cluster.local". */
  readonly domain: string;
  /** 'unknown' as long as Services have not been read. */
  readonly findService: (namespace: string, service: string) => ClusterService | undefined | 'unknown';
}

export type ClusterName =
  /** Services have not been read. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  /** Of a Service of type ExternalName. */
  | { readonly kind: 'alias' }
  | { readonly kind: 'addressed'; readonly addresses: readonly string[] }
  /** A headless Service, or a pod of one: "web-0.web.lab.svc.cluster.local". */
  | { readonly kind: 'endpoints' }
  /** "_https._tcp.web.lab.svc.cluster.local". */
  | { readonly kind: 'port' };

const NONE: ClusterName = { kind: 'none' };
const UNKNOWN: ClusterName = { kind: 'unknown' };

export function isClusterName(name: string, { domain }: ClusterNames): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

/**
 * A Service; below a headless one the label of a pod; or a port that the Service has. Nothing else is accepted, since
 * it would reach the cluster's own DNS unchanged.
 */
export function readClusterName(name: string, { domain, findService }: ClusterNames): ClusterName {
  const suffix = `.svc.${domain}`;
  if (!name.endsWith(suffix)) return NONE;
  const labels = name.slice(0, -suffix.length).split('.');
  const [namespace, service, ...below] = labels.toReversed();
  if (namespace === undefined || service === undefined || below.length > 2) return NONE;
  if (below.length === 2 && !below.every((label) => label.startsWith('_'))) return NONE;
  const found = findService(namespace, service);
  if (found === undefined) return NONE;
  return found === 'unknown' ? UNKNOWN : nameBelow(found, below.toReversed());
}

/** Labels in the order in which they are written. */
function nameBelow(service: ClusterService, below: readonly string[]): ClusterName {
  if (below.length === 0) return service.kind === 'headless' ? { kind: 'endpoints' } : service;
  if (service.kind === 'alias') return NONE;
  if (below.length === 2) return service.ports.includes(below.join('.')) ? { kind: 'port' } : NONE;
  return service.kind === 'headless' ? { kind: 'endpoints' } : NONE;
}

/**
 * The names from which a resolver's search list may have made this one: "example.com" of
 * "example.com.lab.svc.cluster.local", and of "example.com.svc.cluster.local". In: the name of a Service, by its form.
 */
export function namesBeforeSuffix(name: string, { domain }: ClusterNames): readonly string[] {
  const asked = name.slice(0, -`.svc.${domain}`.length);
  return [asked, asked.slice(0, asked.lastIndexOf('.'))];
}
