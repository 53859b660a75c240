// Where the hosts of workspaces are listened for: for endpoints.json and the terminal.
import { formatHostPort } from '../../lib/host-port.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { IngressSettings } from '../../render/envoy/ingress/ingress-config.ts';
import { HTTP_LISTENER, TLS_LISTENER } from '../../render/envoy/ingress/ingress-names.ts';

export interface IngressEndpoint {
  readonly workspace: string;
  readonly host: string;
  /** "address:port"; null where TLS is passed through, or Envoy has not got the port. */
  readonly http: string | null;
  /** "address:port"; null without a usable certificate, or where Envoy has not got the port. */
  readonly https: string | null;
}

/** `certificates`: by name of the plan. `missing`: names of listeners that are not in force. */
export function ingressEndpoints(
  plans: readonly IngressPlan[],
  certificates: ReadonlyMap<string, unknown>,
  { address, httpPort, tlsPort }: Pick<IngressSettings, 'address' | 'httpPort' | 'tlsPort'>,
  missing: ReadonlySet<string>,
): readonly IngressEndpoint[] {
  const at = (listener: string, port: number | undefined): string | null =>
    port === undefined || missing.has(listener) ? null : formatHostPort(address, port);
  return plans.flatMap(({ metadata: { name: workspace }, spec: { hosts = [], tlsPassthrough } }) =>
    hosts.map((host) => ({
      workspace,
      host,
      http: tlsPassthrough ? null : at(HTTP_LISTENER, httpPort),
      https: tlsPassthrough || certificates.has(workspace) ? at(TLS_LISTENER, tlsPort) : null,
    })),
  );
}
