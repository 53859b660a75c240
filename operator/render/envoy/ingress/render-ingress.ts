// IngressPlans -> the resources of an ingress gateway's Envoy.
import { memoize } from '../../../lib/memo.ts';
import { type Certificate, certificateProblem } from '../../../model/certificate.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { typed } from '../envoy-config.ts';
import { backendCluster, renderPassages } from './ingress-clusters.ts';
import type { IngressConfig, IngressInput, IngressResource, ResolvedBackend } from './ingress-config.ts';
import { httpListener, tlsListener } from './ingress-listeners.ts';
import { certificateName } from './ingress-names.ts';
import { renderRoutes, renderScopes } from './ingress-routes.ts';

const NO_BACKENDS: readonly ResolvedBackend[] = [];

export function renderIngress(input: IngressInput): IngressConfig {
  const { settings } = input;
  const plans = eachHostOnce(input.plans).filter(({ spec }) => (spec.hosts ?? []).length > 0);
  const usable = [...input.certificates].filter(([, one]) => certificateProblem(one) === undefined);
  const certificates = new Map(usable);
  const served = { ...input, plans, certificates };
  const generationOf = ({ metadata }: IngressPlan): number => input.generations.get(metadata.name) ?? 0;
  // TLS that is passed through is no HTTP.
  const http = plans.filter(({ spec }) => !spec.tlsPassthrough);
  const passages = http.flatMap((plan) => renderPassages(plan, generationOf(plan)));
  const listeners = [
    settings.httpPort === undefined ? undefined : httpListener(settings, settings.httpPort),
    settings.tlsPort === undefined ? undefined : tlsListener(served, settings.tlsPort),
  ];
  return {
    cluster: [
      ...plans.map(({ metadata: { name } }) => backendCluster(input.backends.get(name) ?? NO_BACKENDS, name)),
      ...passages.map(({ cluster }) => cluster),
    ],
    secret: http.flatMap(({ metadata: { name } }) => secretsOf(name, certificates.get(name))),
    route: http.map((plan) => renderRoutes(plan, generationOf(plan), settings.accountId)),
    scope: http.flatMap(renderScopes),
    listener: [
      ...passages.map(({ listener }) => listener),
      ...listeners.filter((listener) => listener !== undefined),
    ],
  };
}

/** While a host moves, two plans may name it for a moment, and Envoy would reject the listener of all. */
function eachHostOnce(plans: readonly IngressPlan[]): readonly IngressPlan[] {
  const owners = new Map(
    plans.toReversed().flatMap((plan) => (plan.spec.hosts ?? []).map((host) => [host, plan] as const)),
  );
  return plans.map((plan) => {
    const { hosts = [] } = plan.spec;
    const own = hosts.filter((host) => owners.get(host) === plan);
    return own.length === hosts.length ? plan : { ...plan, spec: { ...plan.spec, hosts: own } };
  });
}

function secretsOf(plan: string, certificate: Certificate | undefined): readonly IngressResource[] {
  return certificate === undefined ? [] : [renderSecret(certificate, plan)];
}

const renderSecret = memoize(
  ({ certificateChain, privateKey }: Certificate, plan: string): IngressResource => {
    const name = certificateName(plan);
    const body = typed('envoy.extensions.transport_sockets.tls.v3.Secret', {
      name,
      tls_certificate: {
        certificate_chain: { inline_string: certificateChain },
        private_key: { inline_string: privateKey },
      },
    });
    return { name, body, workspace: plan };
  },
);
