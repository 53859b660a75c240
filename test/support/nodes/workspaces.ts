// The workspaces of the end-to-end suite, one for each kind of policy, with a client in each; and a Namespace that is none.
const RESTRICTED = ['ws-a', 'ws-b', 'ws-dry'] as const;

export const BUCKET_HOST = 'acme-data.s3.us-west-2.amazonaws.com';
/** What a workspace in dry-run asks for, of a day. */
export const SOURCES = Array.from({ length: 12 }, (_, at) => `source-${at + 1}.day.example`);
/** Names that the public DNS knows, and where they lead. */
export const NAMES = {
  'allowed.example': '5.5.5.5',
  'b-allowed.example': '5.5.5.5',
  'denied.example': '5.5.5.6',
  'later.example': '5.5.5.7',
  [BUCKET_HOST]: '5.5.5.7',
  'to-metadata.example': '169.254.169.254',
  ...Object.fromEntries(SOURCES.map((name) => [name, '5.5.5.7'])),
};
/** Leads to the node of the control plane. */
export const TO_NODE = 'to-node.example';
export const RESOLVER = '5.5.5.53';
export const WORKLOAD_IMAGE = 'sallyport/test-workload:1';

interface PolicyYaml {
  readonly name: string;
  readonly mode: string;
  readonly destinations?: readonly string[];
  readonly enforcement?: string;
}

export function policy({ name, mode, destinations = [], enforcement }: PolicyYaml): string {
  const lines = destinations.map((destination) => `        - { destination: ${destination} }`);
  return [
    'apiVersion: sallyport.dev/v1alpha1',
    'kind: NetworkPolicy',
    `metadata: { name: ${name} }`,
    'spec:',
    '  egress:',
    '    networkAccess:',
    `      restrictionMode: ${mode}`,
    ...(lines.length === 0 ? [] : ['      allowedInternetDestinations:', ...lines]),
    ...(enforcement === undefined ? [] : [`      policyEnforcement: { enforcementMode: ${enforcement} }`]),
    '---',
  ].join('\n');
}

/** The assignment comes before the Namespace, so that no pod starts under the default policy. */
export function workspace(name: string, id: number, policyName: string): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: PolicyAssignment
metadata: { name: ${name} }
spec: { networkPolicyId: ${policyName} }
---
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { sallyport.dev/workspace: "${id}" } }
---
`;
}

/** Root with default capabilities: what an attacker has. */
export function client(namespace: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: client, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: client } }
  template:
    metadata: { labels: { app: client } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: client
          image: ${WORKLOAD_IMAGE}
          command: [node, --eval, 'require("node:http").createServer((_, answer) => answer.end("pod")).listen(80)']
          securityContext: { runAsUser: 0 }
---
apiVersion: v1
kind: Service
metadata: { name: client, namespace: ${namespace} }
spec: { selector: { app: client }, ports: [{ port: 80 }] }
---
`;
}

const A = ['allowed.example', TO_NODE, 'to-metadata.example'];
const restricted = { mode: 'RESTRICTED_ACCESS' };

export const POLICIES = [
  policy({ ...restricted, name: 'policy-a', destinations: A }),
  policy({ ...restricted, name: 'policy-b', destinations: ['b-allowed.example'] }),
  policy({ ...restricted, name: 'policy-dry', destinations: ['allowed.example'], enforcement: 'DRY_RUN' }),
  policy({ name: 'policy-open', mode: 'FULL_ACCESS' }),
].join('\n');

export const WORKSPACES = [
  workspace('ws-a', 1, 'policy-a'),
  workspace('ws-b', 2, 'policy-b'),
  workspace('ws-dry', 3, 'policy-dry'),
  workspace('ws-open', 4, 'policy-open'),
  'apiVersion: v1\nkind: Namespace\nmetadata: { name: plain }\n---\n',
].join('');

export const CLIENTS = [...RESTRICTED, 'ws-open', 'plain'];
