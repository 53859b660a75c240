// What the tests of the REST API need of it, whatever is behind it: a folder or a cluster. Both have the workspace
// "analytics" (id 1001, host analytics.acme.example) and "sandbox" (id 1003), account "acme", and an administrator.
import type { WrittenInboundLine } from '../../../operator/model/inbound-line.ts';
import type { ApiAnswer, ApiCall } from './api-client.ts';

export interface ApiStage {
  readonly origin: string;
  /** Of the administrator of everything. */
  readonly rootToken: string;
  /** Of an administrator of the workspace "analytics" and nothing else. */
  readonly workspaceToken: string;
  readonly judged: readonly WrittenInboundLine[];
  /** As the administrator of everything unless a token is given; with the lists of this moment in force. */
  call(call: ApiCall, token?: string): Promise<ApiAnswer>;
  stop(): Promise<void>;
}

/** A test that is told to each stage. */
export type Story = readonly [title: string, tell: (stage: ApiStage) => Promise<void>];

export const ACCOUNT = '/api/2.0/accounts/acme';
/** For calls whose host says nothing. */
export const ANALYTICS = { 'x-databricks-workspace-id': '1001' } as const;

/** Says from which address a call comes, over a proxy that is trusted. */
export function from(address: string): Readonly<Record<string, string>> {
  return { ...ANALYTICS, 'x-forwarded-for': address };
}

export const WORKSPACES_YAML = `apiVersion: v1
kind: Namespace
metadata: { name: analytics, labels: { sallyport.dev/workspace: "1001" } }
---
apiVersion: v1
kind: Namespace
metadata: { name: sandbox, labels: { sallyport.dev/workspace: "1003" } }
`;

export const CONF_YAML = `apiVersion: sallyport.dev/v1alpha1
kind: WorkspaceConf
metadata: { name: workspace, namespace: analytics }
spec:
  ingress: { hosts: [analytics.acme.example] }
`;
