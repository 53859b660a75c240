// Names inside the cluster: which of them are those of Services that exist. The others are what a resolver's search
// list makes of outside names ("api.example.com.lab.svc.cluster.local"): to pass them on would tell them to others.

export interface ClusterNames {
  /** "cluster.local". */
  readonly domain: string;
  /** Undefined as long as nobody knows which Services there are. */
  readonly hasService: (namespace: string, service: string) => boolean | undefined;
}

export function isClusterName(name: string, { domain }: ClusterNames): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

/**
 * "web.lab.svc.cluster.local", with the label of a pod before it, or those of a port: "_https._tcp". Nothing else may
 * stand there, since it would reach the cluster's own DNS as it is. Undefined where only the Services could tell, and
 * nobody knows them.
 */
export function isServiceName(name: string, { domain, hasService }: ClusterNames): boolean | undefined {
  const suffix = `.svc.${domain}`;
  if (!name.endsWith(suffix)) return false;
  const labels = name.slice(0, -suffix.length).split('.');
  const [namespace, service, ...before] = labels.toReversed();
  if (namespace === undefined || service === undefined || before.length > 2) return false;
  if (before.length === 2 && !before.every((label) => label.startsWith('_'))) return false;
  return hasService(namespace, service);
}

/**
 * What a resolver's search list may have made this of: "example.com" of "example.com.lab.svc.cluster.local", and of
 * "example.com.svc.cluster.local". In: the name of a Service, by its form.
 */
export function namesBeforeSuffix(name: string, { domain }: ClusterNames): readonly string[] {
  const asked = name.slice(0, -`.svc.${domain}`.length);
  return [asked, asked.slice(0, asked.lastIndexOf('.'))];
}
