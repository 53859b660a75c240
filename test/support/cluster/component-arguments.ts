// Folder and ports of a test control plane -> the arguments of its three programs. Everything is on loopback, and
// nothing is written to disk for safety's sake, since no test control plane lives longer than its machine.
import { join } from 'node:path';

export interface ControlPlanePorts {
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly apiServer: number;
}

/**
 * In the folder: server.crt and server.key, ca.crt, service-accounts.key, controllers.kubeconfig, audit-policy.yaml.
 */
export interface ComponentPlace {
  readonly folder: string;
  readonly ports: ControlPlanePorts;
  readonly withControllers: boolean;
  readonly withTypeChecks: boolean;
  readonly auditLog?: string | undefined;
}

/** A line for each request that changes something, when it has been answered. */
export const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    verbs: [get, list, watch]
  - level: Metadata
`;

// Those that do something without nodes, volumes or certificates.
const CONTROLLERS = [
  'clusterrole-aggregation-controller',
  'cronjob-controller',
  'daemonset-controller',
  'deployment-controller',
  'endpoints-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'persistentvolumeclaim-protection-controller',
  'pod-garbage-collector-controller',
  'replicaset-controller',
  'resourcequota-controller',
  'root-ca-certificate-publisher-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'statefulset-controller',
  'ttl-after-finished-controller',
];
const TYPE_CHECKER = 'validatingadmissionpolicy-status-controller';

export function etcdArguments({ folder, ports }: ComponentPlace): readonly string[] {
  const clients = `http://127.0.0.1:${ports.etcd}`;
  const peers = `http://127.0.0.1:${ports.etcdPeer}`;
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
  ];
}

export function apiServerArguments(place: ComponentPlace): readonly string[] {
  const { folder, ports, withControllers, auditLog } = place;
  const serviceAccountKey = join(folder, 'service-accounts.key');
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${ports.apiServer}`,
    `--tls-cert-file=${join(folder, 'server.crt')}`,
    `--tls-private-key-file=${join(folder, 'server.key')}`,
    `--client-ca-file=${join(folder, 'ca.crt')}`,
    '--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${serviceAccountKey}`,
    `--service-account-signing-key-file=${serviceAccountKey}`,
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    ...(auditLog === undefined
      ? []
      : [`--audit-policy-file=${join(folder, 'audit-policy.yaml')}`, `--audit-log-path=${auditLog}`]),
    // Without controllers nobody makes the service accounts that pods would need.
    ...(withControllers ? [] : ['--disable-admission-plugins=ServiceAccount']),
  ];
}

export function controllerManagerArguments({ folder, withTypeChecks }: ComponentPlace): readonly string[] {
  const controllers = withTypeChecks ? [...CONTROLLERS, TYPE_CHECKER] : CONTROLLERS;
  return [
    `--kubeconfig=${join(folder, 'controllers.kubeconfig')}`,
    `--controllers=${controllers.join(',')}`,
    '--secure-port=0',
    '--leader-elect=false',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${join(folder, 'service-accounts.key')}`,
    `--root-ca-file=${join(folder, 'ca.crt')}`,
  ];
}
