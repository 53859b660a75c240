// What plans name -> what ingress gateways connect to and present: addresses of servers, and certificates. What is
// missing leaves the rest in force; it is a fault, which says what to do.
import { memoize } from '../../lib/memo.ts';
import { type Certificate, hostsWithoutCertificate } from '../../model/certificate.ts';
import type { INGRESS_FAULTS } from '../../model/gateway-report.ts';
import type { IngressPlan, PlannedBackend } from '../../model/ingress-plan.ts';

/** A server that answers for a workspace. */
interface ServerPlace {
  readonly address: string;
  readonly port: number;
}

export interface IngressFault {
  /** Name of the plan. */
  readonly workspace: string;
  readonly reason: (typeof INGRESS_FAULTS)[number];
  readonly message: string;
  /** Of the WorkspaceConf. */
  readonly field: string;
}

/** Maps are by name of the plan. */
export interface ResolvedIngress {
  readonly backends: ReadonlyMap<string, readonly ServerPlace[]>;
  readonly certificates: ReadonlyMap<string, Certificate>;
  readonly faults: readonly IngressFault[];
}

/** Where the things are that plans name. */
export interface IngressDirectory {
  /** Undefined where there is none, or none that can be used. */
  readonly findCertificate: (namespace: string, secretName: string) => Certificate | undefined;
  /** Why there is such a Secret that cannot be used as it is, and what to do; undefined where it can, or there is none. */
  readonly faultOfSecret: (namespace: string, secretName: string) => string | undefined;
  /** Address of a Service; undefined where there is none with an address of its own and this port. */
  readonly findService: (namespace: string, serviceName: string, port: number) => string | undefined;
}

export function resolveIngress(plans: readonly IngressPlan[], directory: IngressDirectory): ResolvedIngress {
  const served = plans.filter(({ spec }) => (spec.hosts ?? []).length > 0);
  const resolved = served.map((plan) => ({
    name: plan.metadata.name,
    backends: resolveBackends(plan, directory),
    tls: resolveCertificate(plan, directory),
  }));
  return {
    backends: new Map(resolved.map(({ name, backends }) => [name, backends.found])),
    certificates: new Map(
      resolved.flatMap(({ name, tls }) => (tls.certificate === undefined ? [] : [[name, tls.certificate]])),
    ),
    faults: resolved.flatMap(({ backends, tls }) => [...backends.faults, ...tls.faults]),
  };
}

function resolveBackends(
  { metadata: { name }, spec }: IngressPlan,
  directory: IngressDirectory,
): { readonly found: readonly ServerPlace[]; readonly faults: readonly IngressFault[] } {
  const { backends = NO_BACKENDS } = spec;
  const resolved = backends.map((backend) => ({ backend, address: addressOf(name, backend, directory) }));
  return {
    found: placesOf(backends, resolved.map(({ address = '' }) => address).join(' ')),
    faults: resolved.flatMap(({ backend: { serviceName = '', port }, address }) => {
      if (address !== undefined) return [];
      const message = `Cannot reach Service "${serviceName}" at port ${port}: Namespace "${name}" has no Service of that name with a cluster IP and this port; create it, or correct the backend`;
      return [{ workspace: name, reason: 'ServiceNotFound', message, field: 'spec.ingress.backends' }];
    }),
  };
}

const NO_BACKENDS: readonly PlannedBackend[] = [];

/** The very same places while nothing has changed. An empty address is none. */
const placesOf = memoize((backends: readonly PlannedBackend[], addresses: string): readonly ServerPlace[] => {
  const found = addresses.split(' ');
  return backends.flatMap(({ port }, at) => {
    const address = found[at] ?? '';
    return address === '' ? [] : [{ address, port }];
  });
});

function addressOf(
  namespace: string,
  { address, serviceName, port }: PlannedBackend,
  { findService }: IngressDirectory,
): string | undefined {
  return serviceName === undefined ? address : findService(namespace, serviceName, port);
}

const CLOSED = 'until then TLS is closed for the hosts of this workspace';

function resolveCertificate(
  { metadata: { name }, spec }: IngressPlan,
  { findCertificate, faultOfSecret }: IngressDirectory,
): { readonly certificate?: Certificate; readonly faults: readonly IngressFault[] } {
  const { hosts = [], tlsSecretName, tlsPassthrough } = spec;
  if (tlsSecretName === undefined || tlsPassthrough) return { faults: [] };
  const certificate = findCertificate(name, tlsSecretName);
  const fault = (reason: IngressFault['reason'], message: string): IngressFault => {
    return { workspace: name, reason, message, field: 'spec.ingress.tlsSecretName' };
  };
  const unusable = faultOfSecret(name, tlsSecretName);
  if (certificate === undefined) {
    const why =
      unusable === undefined
        ? `Cannot find Secret "${tlsSecretName}" of type kubernetes.io/tls in Namespace "${name}": create it; ${CLOSED}`
        : `Cannot use Secret "${tlsSecretName}": ${unusable}; ${CLOSED}`;
    return { faults: [fault(unusable === undefined ? 'SecretNotFound' : 'SecretInvalid', why)] };
  }
  if (unusable !== undefined) {
    const why = `Cannot use Secret "${tlsSecretName}" any more: ${unusable}; until then its last certificate stays in force`;
    return { certificate, faults: [fault('SecretInvalid', why)] };
  }
  const bare = hostsWithoutCertificate(certificate, hosts);
  if (bare.length === 0) return { certificate, faults: [] };
  const message = `The certificate of Secret "${tlsSecretName}" is not for ${bare.map((host) => `"${host}"`).join(', ')}: clients will reject it; issue one for all hosts`;
  return { certificate, faults: [fault('SecretInvalid', message)] };
}
