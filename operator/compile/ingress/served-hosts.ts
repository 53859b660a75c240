// What the hosts of a workspace lead to: canonical names, usable backends, and how TLS ends.
import { parseNamePattern } from '../../model/domain-name.ts';
import type { IngressPlanSpec, PlannedBackend } from '../../model/ingress-plan.ts';
import type { Problem } from '../../model/problem.ts';
import { problemAbout } from '../../model/snapshot.ts';
import type { WorkspaceConf } from '../../model/workspace-conf.ts';

/** What serves a workspace: a Service of its Namespace in a cluster, an address in a folder. */
export type BackendField = 'serviceName' | 'address';

/** Canonical, each once. */
export function hostsOf(conf: WorkspaceConf | undefined): readonly string[] {
  const names = (conf?.spec.ingress?.hosts ?? []).flatMap((host) => {
    const parsed = parseNamePattern(host);
    return 'pattern' in parsed ? [parsed.pattern.name] : [];
  });
  return [...new Set(names)];
}

type Served = Pick<IngressPlanSpec, 'hosts' | 'backends' | 'tlsSecretName' | 'tlsPassthrough'>;

interface ServedResult {
  readonly fields: Served;
  readonly problems: readonly Problem[];
}

const NOTHING_SERVED: Served = { tlsPassthrough: false };

/** Of a WorkspaceConf that cannot be read now. */
export function servedBefore(former: IngressPlanSpec | undefined): ServedResult {
  if (former === undefined) return { fields: NOTHING_SERVED, problems: [] };
  const { hosts, backends, tlsSecretName, tlsPassthrough } = former;
  const fields = {
    ...(hosts === undefined ? {} : { hosts }),
    ...(backends === undefined ? {} : { backends }),
    ...(tlsSecretName === undefined ? {} : { tlsSecretName }),
    tlsPassthrough,
  };
  return { fields, problems: [] };
}

export interface WantedHosts {
  readonly conf: WorkspaceConf | undefined;
  /** Of the Namespace. */
  readonly name: string;
  readonly backendField: BackendField;
  /** The Namespaces that have the hosts, in their order. */
  readonly owners: readonly (string | undefined)[];
}

export function servedBy({ conf, name, backendField, owners }: WantedHosts): ServedResult {
  const ingress = conf?.spec.ingress;
  if (conf === undefined || ingress === undefined) return { fields: NOTHING_SERVED, problems: [] };
  const hosts = hostsOf(conf).map((host, at) => ({ host, owner: owners[at] }));
  const taken = hosts.filter(({ owner }) => owner !== name);
  const backends = ingress.backends ?? [];
  const isUsable = (backend: PlannedBackend): boolean => backend[backendField] !== undefined;
  const fields = {
    hosts: hosts.filter(({ owner }) => owner === name).map(({ host }) => host),
    // One file may serve both: what is for the other kind of installation is left out.
    backends: backends
      .filter(isUsable)
      .map(({ port, ...places }) => ({ [backendField]: places[backendField], port })),
    ...(ingress.tlsSecretName === undefined ? {} : { tlsSecretName: ingress.tlsSecretName }),
    tlsPassthrough: ingress.tlsPassthrough,
  };
  const problems = [
    ...taken.map(({ host, owner }) => takenProblem(conf, host, owner)),
    ...backends.flatMap((backend, at) => (isUsable(backend) ? [] : [backendProblem(conf, at, backendField)])),
  ];
  return { fields, problems };
}

function takenProblem(conf: WorkspaceConf, host: string, owner: string | undefined): Problem {
  const message = `Cannot use host "${host}": workspace "${owner}" has it; remove it from one of the two`;
  return problemAbout(conf, 'HostTaken', message, 'spec.ingress.hosts');
}

function backendProblem(conf: WorkspaceConf, at: number, field: BackendField): Problem {
  const message =
    field === 'serviceName'
      ? 'Cannot use this backend: in a cluster write "serviceName" and "port", the Service is in this Namespace'
      : 'Cannot use this backend: in a folder write "address" and "port", there are no Services';
  return problemAbout(conf, 'BackendNotUsable', message, `spec.ingress.backends[${at}]`);
}
