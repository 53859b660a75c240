// A Kubernetes object as the operator wants it: complete, with the fields that the server would fill in where they are
// known, so that what is stored can be compared with it.
import type { ApiServerEgress } from '../../../model/api-server-egress.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, WORKSPACE_NAME_LABEL } from '../../../model/system-names.ts';

export interface DesiredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Settings of the installation. */
export interface ClusterSettings {
  /** Namespace of the gateways. */
  readonly systemNamespace: string;
  readonly clusterDomain: string;
  /** Addresses of the cluster's own name servers, for pods in dry-run; empty where not configured. */
  readonly clusterDns: readonly string[];
  /** Of canary pods, which try the gateways' health port; undefined where there are none. */
  readonly canaryNamespace: string | undefined;
  /** How gateways may reach the API server. */
  readonly apiServerEgress: ApiServerEgress;
}

export function managedLabels(): Readonly<Record<string, string>> {
  return { [MANAGED_BY_LABEL]: MANAGED_BY };
}

/** Of an object that exists for one workspace. */
export function workspaceLabels(workspace: string): Readonly<Record<string, string>> {
  return { ...managedLabels(), [WORKSPACE_NAME_LABEL]: workspace };
}
