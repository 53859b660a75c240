// Names inside the cluster: which of them are those of Services that exist. The others are what a resolver's search
// list makes of outside names ("api.example.com.lab.svc.cluster.local"): to pass them on would tell them to others.

export interface ClusterNames {
  /** "cluster.local". */
  readonly domain: string;
  readonly hasService: (namespace: string, service: string) => boolean;
}

export function isClusterName(name: string, { domain }: ClusterNames): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

/**
 * "web.lab.svc.cluster.local", with the label of a pod before it, or those of a port: "_https._tcp". Nothing else may
 * stand there, since it would reach the cluster's own DNS as it is.
 */
export function isServiceName(name: string, { domain, hasService }: ClusterNames): boolean {
  const suffix = `.svc.${domain}`;
  if (!name.endsWith(suffix)) return false;
  const labels = name.slice(0, -suffix.length).split('.');
  const [namespace, service, ...before] = labels.toReversed();
  if (namespace === undefined || service === undefined || !hasService(namespace, service)) return false;
  if (before.length === 2) return before.every((label) => label.startsWith('_'));
  return before.length < 2;
}
