// Where the hosts of workspaces are listened for: for endpoints.json and the terminal.
import { formatHostPort } from '../../lib/host-port.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { IngressSettings } from '../../render/envoy/ingress/ingress-config.ts';

export interface IngressEndpoint {
  readonly workspace: string;
  readonly host: string;
  /** "address:port"; null where TLS is passed through. */
  readonly http: string | null;
  /** "address:port"; null without a usable certificate. */
  readonly https: string | null;
}

/** `certificates`: by name of the plan. */
export function ingressEndpoints(
  plans: readonly IngressPlan[],
  certificates: ReadonlyMap<string, unknown>,
  { address, httpPort, tlsPort }: IngressSettings,
): readonly IngressEndpoint[] {
  const at = (port: number | undefined): string | null =>
    port === undefined ? null : formatHostPort(address, port);
  return plans.flatMap(({ metadata: { name: workspace }, spec: { hosts = [], tlsPassthrough } }) =>
    hosts.map((host) => ({
      workspace,
      host,
      http: tlsPassthrough ? null : at(httpPort),
      https: tlsPassthrough || certificates.has(workspace) ? at(tlsPort) : null,
    })),
  );
}
