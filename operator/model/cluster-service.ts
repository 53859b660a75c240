// A Service of the cluster -> what its name may say to workloads. A Service of type ExternalName is only an alias of an
// outside name, chosen by whoever may write Services, so it is a kind of its own.
export type ClusterService =
  | { readonly kind: 'addressed'; readonly addresses: readonly string[]; readonly ports: readonly string[] }
  /** Its name and those below it lead to its endpoints. */
  | { readonly kind: 'headless'; readonly ports: readonly string[] }
  | { readonly kind: 'alias' };

interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ports?: readonly { readonly name?: string; readonly protocol?: string }[];
}

const LEADING_INSIDE: readonly string[] = ['ClusterIP', 'NodePort', 'LoadBalancer'];
const HEADLESS = 'None';
const ALIAS: ClusterService = { kind: 'alias' };

/** A type that nobody knows yet leads nowhere inside. Ports are "_https._tcp", as names of SRV records begin. */
export function clusterServiceOf(spec: unknown): ClusterService {
  const {
    type = 'ClusterIP',
    clusterIP = '',
    clusterIPs = [clusterIP],
    ports = [],
  } = (spec ?? {}) as ServiceSpec;
  if (!LEADING_INSIDE.includes(type)) return ALIAS;
  const named = ports.flatMap(({ name = '', protocol = 'TCP' }) =>
    name === '' ? [] : [`_${name}._${protocol}`.toLowerCase()],
  );
  if (clusterIP === HEADLESS) return { kind: 'headless', ports: named };
  return { kind: 'addressed', addresses: clusterIPs.filter((address) => address !== ''), ports: named };
}
